//go:build etcd
// +build etcd

package main

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"go.etcd.io/etcd/clientv3"
)

const watchPrefix = "watched/"

// One writer puts one key after the other; every watcher sees every put. An operation is an event that reached a watcher, its
// latency runs from the moment at which its put was sent.
func watchFanOut(r *run) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var watchers sync.WaitGroup
	for i := 0; i < r.job.Clients; i++ {
		client := r.pool.at(i, r.job.Connections).(*etcdConnection).client
		events := client.Watch(ctx, watchPrefix, clientv3.WithPrefix(), clientv3.WithCreatedNotify())
		<-events
		watchers.Add(1)
		go func() {
			defer watchers.Done()
			for answer := range events {
				if err := answer.Err(); err != nil && ctx.Err() == nil {
					r.failed(err)
				}
				for _, event := range answer.Events {
					sent := int64(binary.LittleEndian.Uint64(event.Kv.Value))
					r.done(time.UnixMicro(sent), 1)
				}
			}
		}()
	}
	w := r.newWorker(0)
	for !r.stopped() {
		value := w.nextValue()
		binary.LittleEndian.PutUint64(value, uint64(time.Now().UnixMicro()))
		asked, release := r.context()
		if err := w.conn.put(asked, watchPrefix+keyOf(w.random.Intn(r.job.Keys)), value); err != nil {
			r.failed(err)
		}
		release()
	}
	cancel()
	watchers.Wait()
}

func init() { modes["watch"] = watchFanOut }
