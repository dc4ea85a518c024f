package main

import "context"

// connection is what a peer's client must do. Everything is waited for.
type connection interface {
	put(ctx context.Context, key string, value []byte) error
	get(ctx context.Context, key string, serializable bool) error
	close()
}

// pool keeps the connections over all jobs of this process: connecting is not what is measured.
type pool struct {
	endpoints   []string
	connections []connection
}

func newPool(endpoints []string) *pool { return &pool{endpoints: endpoints} }

func (p *pool) grow(count int) error {
	for len(p.connections) < count {
		made, err := dial(p.endpoints)
		if err != nil {
			return err
		}
		p.connections = append(p.connections, made)
	}
	return nil
}

func (p *pool) at(index, count int) connection { return p.connections[index%count] }

func (p *pool) close() {
	for _, made := range p.connections {
		made.close()
	}
}

// A tenth of the mixed load writes.
const mixedWritesPerTen = 1

// operations are what a closed or an open loop can do. A peer that can do more adds to it in its own file.
var operations = map[string]operation{
	"put": func(ctx context.Context, w *worker) error { return w.conn.put(ctx, w.randomKey(), w.nextValue()) },
	"get": func(ctx context.Context, w *worker) error { return w.conn.get(ctx, w.randomKey(), false) },
	"serializable-get": func(ctx context.Context, w *worker) error {
		return w.conn.get(ctx, w.randomKey(), true)
	},
	"mixed": func(ctx context.Context, w *worker) error {
		if w.random.Intn(10) < mixedWritesPerTen {
			return w.conn.put(ctx, w.randomKey(), w.nextValue())
		}
		return w.conn.get(ctx, w.randomKey(), false)
	},
}
