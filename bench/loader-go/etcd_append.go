//go:build etcd
// +build etcd

package main

import (
	"context"

	"go.etcd.io/etcd/clientv3"
)

// A batch of puts that takes effect as one. Order asks that one is answered before the next is sent: etcd's client has
// no pipeline that keeps it.
func init() {
	operations["append"] = func(ctx context.Context, w *worker) error {
		puts := make([]clientv3.Op, w.run.job.OpsPerBatch)
		used := map[string]bool{}
		for i := range puts {
			key := w.randomKey()
			// A transaction may put a key once only.
			for used[key] {
				key = w.randomKey()
			}
			used[key] = true
			puts[i] = clientv3.OpPut(key, string(w.nextValue()))
		}
		_, err := w.conn.(*etcdConnection).client.Txn(ctx).Then(puts...).Commit()
		return err
	}
}
