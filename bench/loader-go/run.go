package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	progressEvery = 250 * time.Millisecond
	// A caller that was refused lets go for a moment, so that a cluster that is down is not asked a million times.
	afterError = time.Millisecond
	// Requests of an open loop that may be under way; what is due beyond waits, and its latency grows all the same.
	openMax  = 20000
	openTick = 2 * time.Millisecond
	// In an outage a fresh put is tried this often, beside the callers, which may all be waiting for one that is lost.
	probeEvery = 10 * time.Millisecond
)

// worker is one caller. Its random numbers and its value are its own.
type worker struct {
	index  int
	random *rand.Rand
	value  []byte
	count  uint64
	conn   connection
	run    *run
}

// operation is one request that is waited for.
type operation func(ctx context.Context, w *worker) error

type run struct {
	job        Job
	pool       *pool
	latencies  histogram
	operations int64
	errors     sync.Map
	stopping   chan struct{}
	stopOnce   sync.Once
	measuring  int32
	nextKey    int64
	outage     *outage
	lag        histogram
	due        chan time.Time
}

func newRun(job Job, pool *pool) *run {
	r := &run{job: job, pool: pool, stopping: make(chan struct{}), due: make(chan time.Time, openMax)}
	if job.Mode == "outage" {
		r.outage = newOutage(job.Clients)
	}
	return r
}

func (r *run) stop() { r.stopOnce.Do(func() { close(r.stopping) }) }

func (r *run) stopped() bool {
	select {
	case <-r.stopping:
		return true
	default:
		return false
	}
}

func (r *run) newWorker(index int) *worker {
	random := rand.New(rand.NewSource(time.Now().UnixNano() + int64(index)))
	value := make([]byte, r.job.ValueBytes)
	random.Read(value)
	return &worker{index: index, random: random, value: value, conn: r.pool.at(index, r.job.Connections), run: r}
}

// Every value differs, so that nothing between here and the disk can make one of two.
func (w *worker) nextValue() []byte {
	w.count++
	if len(w.value) >= 8 {
		binary.LittleEndian.PutUint64(w.value, w.count<<16|uint64(w.index))
	}
	return append([]byte(nil), w.value...)
}

func (w *worker) randomKey() string { return keyOf(w.random.Intn(w.run.job.Keys)) }

func keyOf(number int) string { return fmt.Sprintf("bench/%08d", number) }

func (r *run) failed(err error) {
	code := codeOf(err)
	counter, _ := r.errors.LoadOrStore(code, new(int64))
	atomic.AddInt64(counter.(*int64), 1)
}

func (r *run) done(begin time.Time, count int64) {
	atomic.AddInt64(&r.operations, count)
	r.latencies.record(time.Since(begin).Microseconds())
}

func (r *run) context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), time.Duration(r.job.TimeoutMs)*time.Millisecond)
}

func (r *run) execute() {
	body, ok := modes[r.job.Mode]
	if !ok {
		fail(fmt.Errorf("no mode %q", r.job.Mode))
	}
	finished := make(chan struct{})
	go func() {
		body(r)
		close(finished)
	}()
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	tell := func(until <-chan time.Time) bool {
		for {
			select {
			case <-finished:
				return true
			case <-until:
				return false
			case <-ticker.C:
				report(map[string]interface{}{"kind": "progress", "operations": atomic.LoadInt64(&r.operations)})
			}
		}
	}
	tell(after(r.job.WarmupSeconds))
	r.latencies.reset()
	r.lag.reset()
	r.errors.Range(func(code, _ interface{}) bool { r.errors.Delete(code); return true })
	atomic.StoreInt64(&r.operations, 0)
	atomic.StoreInt32(&r.measuring, 1)
	report(map[string]string{"kind": "measuring"})
	begin, cpu := time.Now(), cpuSeconds()
	until := after(r.job.Seconds)
	// Filling ends by itself.
	if r.job.Mode == "fill" {
		until = nil
	}
	tell(until)
	result := map[string]interface{}{
		"kind": "result", "seconds": time.Since(begin).Seconds(), "operations": atomic.LoadInt64(&r.operations),
		"latencies": r.latencies.pairs(), "sendLag": r.lag.pairs(), "cpuSeconds": cpuSeconds() - cpu,
	}
	errors := map[string]int64{}
	r.errors.Range(func(code, count interface{}) bool {
		errors[code.(string)] = atomic.LoadInt64(count.(*int64))
		return true
	})
	// What is still due in an open loop was not sent in time for this phase.
	if late := len(r.due); late > 0 {
		errors["due, but not sent before the end"] = int64(late)
	}
	result["errors"] = errors
	r.stop()
	<-finished
	if r.outage != nil {
		result["outage"] = r.outage.result()
	}
	report(result)
}

func after(seconds float64) <-chan time.Time {
	return time.After(time.Duration(seconds * float64(time.Second)))
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		fail(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

// modes are the shapes of load. Each returns once it is stopped and nothing is under way any more.
var modes = map[string]func(*run){"closed": closedLoop, "fill": fill, "open": openLoop, "outage": outageLoop}

func (r *run) operation() operation {
	op, ok := operations[r.job.Operation]
	if !ok {
		fail(fmt.Errorf("no operation %q", r.job.Operation))
	}
	return op
}

// Callers that each wait for one answer before they ask again.
func closedLoop(r *run) {
	op := r.operation()
	var callers sync.WaitGroup
	for i := 0; i < r.job.Clients; i++ {
		callers.Add(1)
		go func(w *worker) {
			defer callers.Done()
			for !r.stopped() {
				ctx, cancel := r.context()
				begin := time.Now()
				err := op(ctx, w)
				cancel()
				if err != nil {
					r.failed(err)
					time.Sleep(afterError)
					continue
				}
				r.done(begin, 1)
				if r.outage != nil {
					r.outage.acknowledged(w.index, begin)
				}
			}
		}(r.newWorker(i))
	}
	callers.Wait()
}

func outageLoop(r *run) {
	var probes sync.WaitGroup
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	probes.Add(1)
	go func() {
		defer probes.Done()
		for index := 0; !r.stopped(); index++ {
			<-ticker.C
			w := r.newWorker(index)
			probes.Add(1)
			go func() {
				defer probes.Done()
				ctx, cancel := r.context()
				defer cancel()
				begin := time.Now()
				if err := w.conn.put(ctx, w.randomKey(), w.nextValue()); err == nil {
					r.outage.probed(begin)
				}
			}()
		}
	}()
	closedLoop(r)
	probes.Wait()
}

// Puts every key from firstKey on once.
func fill(r *run) {
	var callers sync.WaitGroup
	for i := 0; i < r.job.Clients; i++ {
		callers.Add(1)
		go func(w *worker) {
			defer callers.Done()
			for !r.stopped() {
				number := int(atomic.AddInt64(&r.nextKey, 1)) - 1
				if number >= r.job.Keys {
					return
				}
				for !r.stopped() {
					ctx, cancel := r.context()
					begin := time.Now()
					err := w.conn.put(ctx, keyOf(r.job.FirstKey+number), w.nextValue())
					cancel()
					if err == nil {
						r.done(begin, 1)
						break
					}
					r.failed(err)
					time.Sleep(afterError)
				}
			}
		}(r.newWorker(i))
	}
	callers.Wait()
}

// Requests fall due at a fixed rate whatever becomes of the ones before; latency counts from when each was due.
func openLoop(r *run) {
	op := r.operation()
	var callers sync.WaitGroup
	for i := 0; i < r.job.Clients; i++ {
		callers.Add(1)
		go func(w *worker) {
			defer callers.Done()
			for at := range r.due {
				ctx, cancel := r.context()
				err := op(ctx, w)
				cancel()
				if err != nil {
					r.failed(err)
				} else {
					r.done(at, 1)
				}
			}
		}(r.newWorker(i))
	}
	begin := time.Now()
	perTick := r.job.RatePerSecond * openTick.Seconds()
	sent := 0
	for tick := 1; !r.stopped(); tick++ {
		at := begin.Add(time.Duration(tick) * openTick)
		time.Sleep(time.Until(at))
		r.lag.record(time.Since(at).Microseconds())
		for ; float64(sent) < float64(tick)*perTick; sent++ {
			r.due <- at
		}
	}
	close(r.due)
	for range r.due {
	}
	callers.Wait()
}
