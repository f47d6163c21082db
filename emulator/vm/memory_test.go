package vm

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// cells is what the memory tests write to: a byte array, a short array and an
// instance with two slots, all persistent, and a transient byte array.
type cells struct {
	v                     *VM
	data, numbers, object Ref
	ram                   Ref
}

func newCells(t require.TestingT, limits Limits) *cells {
	s := &cells{v: newVM(t, limits)}
	require.NoError(t, s.v.Enter(func(c *Call) {
		s.data = c.NewByteArray(200, Persistent)
		s.numbers = c.NewArray(ShortArray, 8, Persistent)
		s.object = c.NewJCREObject("javacard/framework/ISOException", Persistent, EntryPoint)
		s.ram = c.NewByteArray(200, ClearOnReset)
		for i, r := range []Ref{s.data, s.numbers, s.object, s.ram} {
			c.SetRoot(string(rune('a'+i)), r)
		}
	}))
	s.v.ResetStats()
	return s
}

// content is everything that an abort or a cut restores.
func (s *cells) content(t require.TestingT) []byte {
	state, err := s.v.Save()
	require.NoError(t, err)
	return state
}

// change is one random write.
type change struct {
	kind       int
	off, value int
	data       []byte
}

func changes() *rapid.Generator[[]change] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) change {
		return change{
			kind:  rapid.IntRange(0, 6).Draw(t, "kind"),
			off:   rapid.IntRange(0, 7).Draw(t, "offset"),
			value: rapid.IntRange(-32768, 32767).Draw(t, "value"),
			data:  rapid.SliceOfN(rapid.Byte(), 1, 150).Draw(t, "data"),
		}
	}), 1, 20)
}

func (s *cells) do(c *Call, x change) {
	switch x.kind {
	case 0:
		c.PutBytes(s.data, x.off, x.data)
	case 1:
		c.SetElement(s.numbers, x.off, Value(x.value))
	case 2:
		c.SetField(s.object, 0, Value(x.value))
	case 3:
		c.PutBytes(s.ram, x.off, x.data)
	case 4:
		c.NewByteArray(len(x.data), Persistent)
	case 5:
		c.SetElement(s.data, x.off, Value(x.value))
	case 6:
		c.CopyBytes(s.ram, x.off, s.data, 1, len(x.data), true)
	}
}

func TestAbortRestoresEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newCells(t, Limits{})
		before := s.content(t)
		todo := changes().Draw(t, "steps")
		require.NoError(t, s.v.Enter(func(c *Call) {
			c.BeginTransaction()
			for _, x := range todo {
				s.do(c, x)
			}
			c.AbortTransaction()
		}))
		free := s.v.heap.freeRefs
		s.v.heap.freeRefs = nil // places of deleted objects; the objects themselves are gone
		s.v.heap.objects = s.v.heap.objects[:len(s.v.heap.objects)-len(free)]
		require.Equal(t, before, s.content(t))
	})
}

// TestCutRestoresTheTransaction cuts the power before every write of a
// transaction: after the reset everything is as it was at begin, and after
// the last write everything is as committed.
func TestCutRestoresTheTransaction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		todo := changes().Draw(t, "steps")
		run := func(s *cells, cut int) error {
			s.v.CutBefore(cut)
			return s.v.Enter(func(c *Call) {
				c.BeginTransaction()
				for _, x := range todo {
					s.do(c, x)
				}
				c.CommitTransaction()
			})
		}
		whole := newCells(t, Limits{})
		require.NoError(t, run(whole, 0))
		writes := whole.v.Stats().Writes
		cut := rapid.IntRange(1, writes).Draw(t, "cut")

		s := newCells(t, Limits{})
		s.v.Reset()
		before := s.bytesOf(t)
		err := run(s, cut)
		var power *PowerCut
		require.ErrorAs(t, err, &power)
		require.Equal(t, cut, power.Write)
		require.Error(t, s.v.Enter(func(*Call) {}), "no power")
		s.v.Reset()
		require.Equal(t, before, s.bytesOf(t))
	})
}

// bytesOf reads all persistent content through the public accessors.
func (s *cells) bytesOf(t require.TestingT) []byte {
	var all []byte
	require.NoError(t, s.v.Enter(func(c *Call) {
		all = append(all, c.Bytes(s.data, 0, 200)...)
		for i := 0; i < 8; i++ {
			all = append(all, byte(c.Element(s.numbers, i)>>8), byte(c.Element(s.numbers, i)))
		}
		all = append(all, byte(c.Field(s.object, 0)>>8), byte(c.Field(s.object, 0)))
	}))
	return all
}

// TestWritesOutsideSurviveAnAbort: try counters and non-atomic copies.
func TestWritesOutsideSurviveAnAbort(t *testing.T) {
	s := newCells(t, Limits{})
	require.NoError(t, s.v.Enter(func(c *Call) {
		c.SetField(s.object, 0, 3)
		c.BeginTransaction()
		c.SetField(s.object, 0, 9) // journalled first
		c.SetFieldOutside(s.object, 0, 2)
		c.PutBytes(s.data, 0, []byte{1, 1, 1, 1})
		c.PutBytesNonAtomic(s.data, 1, []byte{7, 8})
		c.PutBytesOutside(s.data, 100, []byte{5})
		c.AbortTransaction()
		require.Equal(t, Value(2), c.Field(s.object, 0))
		require.Equal(t, []byte{0, 7, 8, 0}, c.Bytes(s.data, 0, 4))
		require.Equal(t, []byte{5}, c.Bytes(s.data, 100, 1))
	}))
}

// TestNonAtomicCopyLeavesAPrefix: one write for each page of 64 bytes.
func TestNonAtomicCopyLeavesAPrefix(t *testing.T) {
	data := bytes.Repeat([]byte{0xAA}, 150)
	for cut, want := range map[int]int{1: 0, 2: 54, 3: 118, 0: 150} {
		s := newCells(t, Limits{})
		s.v.CutBefore(cut)
		err := s.v.Enter(func(c *Call) { c.PutBytesNonAtomic(s.data, 10, data) })
		require.Equal(t, cut != 0, err != nil)
		s.v.Reset()
		all := s.bytesOf(t)
		require.Equal(t, want, bytes.Count(all, []byte{0xAA}), "cut before write %d", cut)
		require.Equal(t, data[:want], all[10:10+want])
	}
}

func TestCommitCapacity(t *testing.T) {
	s := newCells(t, Limits{CommitBytes: 100})
	err := s.v.Enter(func(c *Call) {
		c.BeginTransaction()
		c.PutBytes(s.data, 0, make([]byte, 90))
		total, unused := c.CommitCapacity()
		require.Equal(t, 100, total)
		require.Equal(t, 6, unused)
		c.SetField(s.object, 0, 1) // takes exactly the 6 bytes left
		c.SetField(s.object, 0, 2)
	})
	var e *JavaException
	require.ErrorAs(t, err, &e)
	require.Equal(t, classTransaction, e.Class)
	require.Equal(t, int16(transactionBufferFull), e.Reason)
}

func TestTransactionMisuse(t *testing.T) {
	for name, c := range map[string]struct {
		reason int16
		use    func(c *Call)
	}{
		"begin twice": {transactionInProgress,
			func(c *Call) { c.BeginTransaction(); c.BeginTransaction() }},
		"lone commit": {transactionNotInProgress, func(c *Call) { c.CommitTransaction() }},
		"lone abort":  {transactionNotInProgress, func(c *Call) { c.AbortTransaction() }},
		"after a abort": {transactionNotInProgress,
			func(c *Call) { c.BeginTransaction(); c.AbortTransaction(); c.CommitTransaction() }},
	} {
		t.Run(name, func(t *testing.T) {
			err := newVM(t, Limits{}).Enter(c.use)
			var e *JavaException
			require.ErrorAs(t, err, &e)
			require.Equal(t, c.reason, e.Reason)
		})
	}
}

// TestAbortNullsReferencesToNewObjects, in persistent and in transient memory.
func TestAbortNullsReferencesToNewObjects(t *testing.T) {
	v := newVM(t, Limits{})
	require.NoError(t, v.Enter(func(c *Call) {
		keep := c.NewRefArray(classObject, 2, Persistent)
		ram := c.NewRefArray(classObject, 2, ClearOnReset)
		free := c.AvailableMemory(Persistent)
		c.BeginTransaction()
		fresh := c.NewByteArray(10, Persistent)
		c.SetElement(keep, 0, RefValue(fresh))
		c.SetElement(ram, 0, RefValue(fresh))
		c.AbortTransaction()
		require.Zero(t, c.Element(keep, 0))
		require.Zero(t, c.Element(ram, 0))
		require.Equal(t, free, c.AvailableMemory(Persistent))
	}))
}

func TestMemoryIsLimited(t *testing.T) {
	reason := func(limits Limits, allocate func(c *Call)) int16 {
		var e *JavaException
		err := newVM(t, limits).Enter(allocate)
		require.ErrorAs(t, err, &e)
		require.Equal(t, classSystemException, e.Class)
		return e.Reason
	}
	limits := Limits{NVMBytes: 100, RAMBytes: 50}
	require.Equal(t, int16(systemNoResource),
		reason(limits, func(c *Call) { c.NewByteArray(93, Persistent) }))
	require.Equal(t, int16(systemNoTransientSpace),
		reason(limits, func(c *Call) { c.NewArray(ShortArray, 26, ClearOnReset) }))
	require.NoError(t, newVM(t, limits).Enter(func(c *Call) {
		c.NewByteArray(84, Persistent)
		c.NewArray(ShortArray, 25, ClearOnReset)
		require.Zero(t, c.AvailableMemory(Persistent))
		require.Zero(t, c.AvailableMemory(ClearOnReset))
	}))
}

func TestTransientMemoryIsClearedAtReset(t *testing.T) {
	s := newCells(t, Limits{})
	require.NoError(t, s.v.Enter(func(c *Call) {
		c.PutBytes(s.ram, 0, []byte{1, 2, 3})
		c.SetVolatile(s.object, "engine state")
	}))
	s.v.Reset()
	require.NoError(t, s.v.Enter(func(c *Call) {
		require.Equal(t, make([]byte, 3), c.Bytes(s.ram, 0, 3))
		require.Nil(t, c.Volatile(s.object))
	}))
}

func TestCollectDeletesOnlyWhatIsUnreachable(t *testing.T) {
	s := newCells(t, Limits{})
	var ring, kept Ref
	require.NoError(t, s.v.Enter(func(c *Call) {
		ring = c.NewRefArray(classObject, 1, Persistent)
		c.SetElement(ring, 0, RefValue(ring)) // a circle that nothing else refers to
		holder := c.NewRefArray(classObject, 1, ClearOnReset)
		kept = c.NewByteArray(5, Persistent)
		c.SetElement(holder, 0, RefValue(kept))
		c.SetRoot("holder", holder)
	}))
	n, err := s.v.CollectIfRequested()
	require.NoError(t, err)
	require.Zero(t, n, "no applet has requested it")
	require.NoError(t, s.v.Enter(func(c *Call) { c.RequestObjectDeletion() }))
	n, err = s.v.CollectIfRequested()
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.NoError(t, s.v.Enter(func(c *Call) { require.Equal(t, 5, c.Length(kept)) }))
	var fault *CardFault
	require.True(t, errors.As(s.v.Enter(func(c *Call) { c.Length(ring) }), &fault))
}

// TestExceptionOutlivesAnAbort: the machine's own exception objects are not
// part of the transaction in which they are first thrown.
func TestExceptionOutlivesAnAbort(t *testing.T) {
	require.NoError(t, newVM(t, Limits{}).Enter(func(c *Call) {
		c.BeginTransaction()
		e := c.Try(func() { c.Throw("javacard/framework/ISOException", 0x6985) })
		c.AbortTransaction()
		require.Equal(t, Value(0x6985), c.Field(e.Ref, 0))
	}))
}

// TestDroppedInstallationMayLeaveATransactionOpen: dropping undoes it too.
func TestDroppedInstallationMayLeaveATransactionOpen(t *testing.T) {
	v := newVM(t, Limits{})
	own := v.NewInstance(v.packages[0], nil)
	var shared Ref
	require.NoError(t, v.Enter(func(c *Call) {
		shared = c.NewByteArray(4, Persistent)
		c.SetRoot("shared", shared)
		v.runAs(own, func(c *Call) {
			mine := c.NewByteArray(4, Persistent)
			c.BeginTransaction()
			c.PutBytes(mine, 0, []byte{1})
			c.PutBytes(shared, 0, []byte{1})
		})
	}))
	_, err := v.Collect()
	require.ErrorContains(t, err, "a transaction is open")
	v.DropInstance(own)
	v.Reset()
	require.NoError(t, v.Enter(func(c *Call) {
		require.Equal(t, []byte{0},
			c.Bytes(shared, 0, 1))
	}))
}
