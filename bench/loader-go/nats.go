//go:build nats
// +build nats

package main

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	bucketName  = "bench"
	createTries = 50
	createEvery = 200 * time.Millisecond
)

var errMissing = errors.New("a key that was put is not there")

var bucketOnce sync.Once

type natsConnection struct {
	conn   *nats.Conn
	bucket nats.KeyValue
}

func dial(endpoints []string) (connection, error) {
	conn, err := nats.Connect("nats://"+strings.Join(endpoints, ",nats://"), nats.MaxReconnects(-1))
	if err != nil {
		return nil, err
	}
	stream, err := conn.JetStream(nats.MaxWait(5 * time.Second))
	if err != nil {
		return nil, err
	}
	bucketOnce.Do(func() {
		// Until all servers know each other there is no place for three replicas.
		for try := 0; try < createTries; try++ {
			_, err = stream.CreateKeyValue(&nats.KeyValueConfig{Bucket: bucketName, Replicas: 3, Storage: nats.FileStorage})
			if err == nil {
				return
			}
			time.Sleep(createEvery)
		}
	})
	if err != nil {
		return nil, err
	}
	bucket, err := stream.KeyValue(bucketName)
	if err != nil {
		return nil, err
	}
	return &natsConnection{conn, bucket}, nil
}

// The names of keys have dots where others have slashes.
func (c *natsConnection) put(_ context.Context, key string, value []byte) error {
	_, err := c.bucket.Put(strings.ReplaceAll(key, "/", "."), value)
	return err
}

// Answered by any replica, as a serializable one: the bucket allows direct gets.
func (c *natsConnection) get(_ context.Context, key string, _ bool) error {
	_, err := c.bucket.Get(strings.ReplaceAll(key, "/", "."))
	if errors.Is(err, nats.ErrKeyNotFound) {
		return errMissing
	}
	return err
}

func (c *natsConnection) close() { c.conn.Close() }

func codeOf(err error) string { return err.Error() }
