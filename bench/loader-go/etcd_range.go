//go:build etcd
// +build etcd

package main

import (
	"context"
	"fmt"

	"go.etcd.io/etcd/clientv3"
)

const rangeKeys = 1000

// A range of 1,000 keys from a random one on, in one answer: etcd's client has no pages of its own.
func init() {
	operations["range"] = func(ctx context.Context, w *worker) error {
		from := w.random.Intn(w.run.job.Keys - rangeKeys + 1)
		client := w.conn.(*etcdConnection).client
		found, err := client.Get(ctx, keyOf(from), clientv3.WithRange(keyOf(from+rangeKeys)))
		if err == nil && len(found.Kvs) != rangeKeys {
			return fmt.Errorf("%d keys where %d are", len(found.Kvs), rangeKeys)
		}
		return err
	}
}
