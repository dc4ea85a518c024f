//go:build etcd
// +build etcd

package main

import (
	"context"
	"errors"
	"time"

	"go.etcd.io/etcd/clientv3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const dialTimeout = 5 * time.Second

var errMissing = errors.New("a key that was put is not there")

type etcdConnection struct{ client *clientv3.Client }

func dial(endpoints []string) (connection, error) {
	client, err := clientv3.New(clientv3.Config{
		Endpoints:   endpoints,
		DialTimeout: dialTimeout,
		// As raftkv's client: a connection on which nothing was heard for so long is given up.
		DialKeepAliveTime:    time.Second,
		DialKeepAliveTimeout: 1500 * time.Millisecond,
	})
	if err != nil {
		return nil, err
	}
	return &etcdConnection{client}, nil
}

func (c *etcdConnection) put(ctx context.Context, key string, value []byte) error {
	_, err := c.client.Put(ctx, key, string(value))
	return err
}

func (c *etcdConnection) get(ctx context.Context, key string, serializable bool) error {
	var found *clientv3.GetResponse
	var err error
	if serializable {
		found, err = c.client.Get(ctx, key, clientv3.WithSerializable())
	} else {
		found, err = c.client.Get(ctx, key)
	}
	if err == nil && len(found.Kvs) == 0 {
		return errMissing
	}
	return err
}

func (c *etcdConnection) close() { c.client.Close() }

func codeOf(err error) string {
	if errors.Is(err, errMissing) {
		return err.Error()
	}
	if code := status.Code(err); code != codes.Unknown {
		return code.String()
	}
	return err.Error()
}
