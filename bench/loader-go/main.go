// Loads a peer of raftkv with that peer's own client. The benchmark compiles it offline, once with `-tags etcd` and once
// with `-tags nats`; it speaks the protocol of bench/src/loader/protocol.ts: a job a line in, reports a line out.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
)

// Job is one line of standard input. A line with only `mark` or `stop` set speaks to the job that runs.
type Job struct {
	Mode             string  `json:"mode"`
	Operation        string  `json:"operation"`
	Clients          int     `json:"clients"`
	Connections      int     `json:"connections"`
	ValueBytes       int     `json:"valueBytes"`
	Keys             int     `json:"keys"`
	FirstKey         int     `json:"firstKey"`
	WarmupSeconds    float64 `json:"warmupSeconds"`
	Seconds          float64 `json:"seconds"`
	RatePerSecond    float64 `json:"ratePerSecond"`
	TimeoutMs        int     `json:"timeoutMs"`
	AfterMarkSeconds float64 `json:"afterMarkSeconds"`
	OpsPerBatch      int     `json:"opsPerBatch"`

	Mark float64 `json:"mark"`
	Stop bool    `json:"stop"`
}

var writing sync.Mutex

func report(line interface{}) {
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	writing.Lock()
	defer writing.Unlock()
	os.Stdout.Write(append(text, '\n'))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "error:", err)
	os.Exit(1)
}

func main() {
	if len(os.Args) != 2 {
		fail(fmt.Errorf("usage: %s HOST:PORT,…", os.Args[0]))
	}
	pool := newPool(strings.Split(os.Args[1], ","))
	report(map[string]string{"kind": "ready"})
	lines := bufio.NewScanner(os.Stdin)
	var running *run
	for lines.Scan() {
		var job Job
		if err := json.Unmarshal(lines.Bytes(), &job); err != nil {
			fail(err)
		}
		switch {
		case job.Stop:
			running.stop()
		case job.Mark > 0:
			running.setMark(job.Mark)
		default:
			if err := pool.grow(job.Connections); err != nil {
				fail(err)
			}
			running = newRun(job, pool)
			go running.execute()
		}
	}
	pool.close()
}
