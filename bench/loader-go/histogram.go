package main

import (
	"math/bits"
	"sync/atomic"
)

// Latencies in microseconds, in buckets of less than one percent: exact up to 255, then 128 to each power of two.
const (
	subBits = 7
	buckets = 40 << subBits
)

type histogram struct{ counts [buckets]int64 }

func bucketOf(micros int64) int {
	if micros < 0 {
		micros = 0
	}
	shift := bits.Len64(uint64(micros)) - (subBits + 1)
	if shift <= 0 {
		return int(micros)
	}
	index := shift<<subBits + int(micros>>uint(shift))
	if index >= buckets {
		return buckets - 1
	}
	return index
}

// The middle of what falls into the bucket.
func valueOf(bucket int) int64 {
	shift := bucket>>subBits - 1
	if shift <= 0 {
		return int64(bucket)
	}
	low := int64(bucket-shift<<subBits) << uint(shift)
	return low + int64(1)<<uint(shift)/2
}

func (h *histogram) record(micros int64) { atomic.AddInt64(&h.counts[bucketOf(micros)], 1) }

func (h *histogram) reset() {
	for i := range h.counts {
		atomic.StoreInt64(&h.counts[i], 0)
	}
}

// Pairs of microseconds and count, of those that are not empty.
func (h *histogram) pairs() [][2]int64 {
	pairs := [][2]int64{}
	for i := range h.counts {
		if count := atomic.LoadInt64(&h.counts[i]); count > 0 {
			pairs = append(pairs, [2]int64{valueOf(i), count})
		}
	}
	return pairs
}
