package main

import (
	"sync"
	"time"
)

// A node that was told to die may still answer for this long what was begun after the mark.
const graceMicros = 5000

// outage watches when acknowledgements come, around the moment at which the benchmark harmed a node (the mark).
type outage struct {
	lock sync.Mutex
	// Microseconds since 1970, as the benchmark's; zero before it is set.
	mark    int64
	first   int64
	lastAll int64
	gapAll  int64
	last    []int64
	gap     []int64
}

func newOutage(clients int) *outage {
	o := &outage{last: make([]int64, clients), gap: make([]int64, clients)}
	now := time.Now().UnixMicro()
	o.lastAll = now
	for i := range o.last {
		o.last[i] = now
	}
	return o
}

func (o *outage) acknowledged(client int, begin time.Time) {
	o.lock.Lock()
	defer o.lock.Unlock()
	now := time.Now().UnixMicro()
	if o.mark > 0 {
		o.gap[client] = max(o.gap[client], now-o.last[client])
	}
	o.last[client] = now
	o.anybody(begin, now)
}

// A probe is nobody's: it tells only that a write goes through again.
func (o *outage) probed(begin time.Time) {
	o.lock.Lock()
	defer o.lock.Unlock()
	o.anybody(begin, time.Now().UnixMicro())
}

func (o *outage) anybody(begin time.Time, now int64) {
	if o.mark > 0 {
		o.gapAll = max(o.gapAll, now-o.lastAll)
		if o.first == 0 && begin.UnixMicro() > o.mark+graceMicros {
			o.first = now
			report(map[string]interface{}{"kind": "recovered", "at": now})
		}
	}
	o.lastAll = now
}

func (r *run) setMark(at float64) {
	r.outage.lock.Lock()
	r.outage.mark = int64(at)
	r.outage.lock.Unlock()
	time.AfterFunc(time.Duration(r.job.AfterMarkSeconds*float64(time.Second)), r.stop)
}

// All in microseconds; a client that has no answer yet is in its gap still.
func (o *outage) result() map[string]int64 {
	o.lock.Lock()
	defer o.lock.Unlock()
	now := time.Now().UnixMicro()
	worst := int64(0)
	for i := range o.gap {
		worst = max(worst, o.gap[i])
		if o.last[i] < o.mark {
			worst = max(worst, now-o.last[i])
		}
	}
	if o.mark > 0 {
		o.gapAll = max(o.gapAll, now-o.lastAll)
	}
	first := int64(-1)
	if o.first > 0 {
		first = o.first - o.mark
	}
	return map[string]int64{"firstAckMicros": first, "gapMicros": o.gapAll, "clientGapMicros": worst}
}

func max(a, b int64) int64 {
	if a > b {
		return a
	}
	return b
}
