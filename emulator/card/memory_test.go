package card_test

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/emulator/card"
)

func TestTransientMemory(t *testing.T) {
	b := newProbe(t, card.P71)
	const (
		blank  = "00 0000 00 00 00 0000 9000"
		filled = "2A 002A 01 01 2A 002A 9000"
		// after a deselect: what is CLEAR_ON_RESET stays
		halfFilled = "2A 002A 01 01 00 0000 9000"
	)
	run(t, b, []row{
		{"kinds", insKinds, 0, 0, "", "01 02 01 00 00 00 9000"},
		{"zero at first", insReadFilled, 0, 0, "", blank},
		{"fill", insFill, 0x2A, 0, "", "9000"},
		{"filled", insReadFilled, 0, 0, "", filled},
	})
	assert.Zero(t, b.LastCommand().Writes, "RAM is no persistent memory")
	b.selectApplet(coreInstance)
	run(t, b, []row{{"selected again", insReadFilled, 0, 0, "", halfFilled}})
	run(t, b, []row{{"fill", insFill, 0x2A, 0, "", "9000"}})
	b.Reset()
	b.selectApplet(coreInstance)
	run(t, b, []row{{"after a reset", insReadFilled, 0, 0, "", blank}})
}

func TestProfileLimitsRAM(t *testing.T) {
	run(t, newProbe(t, card.P71), []row{
		{"CLEAR_ON_RESET ends: SystemException.NO_TRANSIENT_SPACE", insExhaust, 1, 0, "03E8",
			"6F32"},
		{"another kind", insExhaust, 2, 0, "03E8", "6F32"},
		{"no such kind: SystemException.ILLEGAL_VALUE", insExhaust, 3, 0, "03E8", "6F31"},
	})
	run(t, newProbe(t, card.Unlimited), []row{
		{"without limit", insExhaust, 1, 0, "03E8", "0040 9000"},
	})
	b := newProbe(t, card.P71)
	memory, err := b.Memory()
	require.NoError(t, err)
	run(t, b, []row{{"three arrays of 1,000 bytes fit, a fourth does not", insExhaust, 1, 0, "03E8",
		"6F32"}})
	after, err := b.Memory()
	require.NoError(t, err)
	assert.Equal(t, 3*1008, memory.ResetFree-after.ResetFree)
	assert.Less(t, memory.ResetFree, card.P71.RAMBytes, "the applet has some of it")
}

func TestProfileLimitsNVM(t *testing.T) {
	b := newProbe(t, card.P71)
	before, err := b.Memory()
	require.NoError(t, err)
	assert.Less(t, before.NVMFree, card.P71.NVMBytes)
	run(t, b, []row{
		{"30,000 bytes that nothing refers to", insGarbage, 30, 0, "03E8", "9000"},
	})
	full, err := b.Memory()
	require.NoError(t, err)
	assert.Greater(t, before.NVMFree-full.NVMFree, 30_000)
	run(t, b, []row{
		{"200,000 do not fit: SystemException.NO_RESOURCE", insGarbage, 100, 0, "07D0", "6F35"},
		{"ask for deletion", insCollect, 0, 0, "", "9000"},
	})
	after, err := b.Memory()
	require.NoError(t, err)
	assert.Equal(t, before.NVMFree, after.NVMFree, "all garbage is gone")

	run(t, b, []row{
		{"a ring", insRing, 0, 0, "", "1122 9000"},
		{"ask for deletion", insCollect, 0, 0, "", "9000"},
		{"what can be reached stays", insRing, 1, 0, "", "1122 9000"},
	})
	ring, err := b.Memory()
	require.NoError(t, err)
	assert.Less(t, ring.NVMFree, before.NVMFree)
	run(t, b, []row{
		{"let it go", insDrop, 0, 0, "", "9000"},
		{"ask for deletion", insCollect, 0, 0, "", "9000"},
	})
	after, err = b.Memory()
	require.NoError(t, err)
	assert.Equal(t, before.NVMFree, after.NVMFree, "a ring is garbage as a whole")
}

func TestPowerCutAtObjectDeletion(t *testing.T) {
	var whole, freed card.Memory
	prepare := func() bench {
		b := newProbe(t, card.P71)
		var err error
		freed, err = b.Memory()
		require.NoError(t, err)
		require.Equal(t, "11229000", b.send(insRing, 0, 0))
		live, err := b.Memory()
		require.NoError(t, err)
		freed.NVMFree = live.NVMFree
		require.Equal(t, "9000", b.send(insGarbage, 5, 0, 0, 100))
		require.Equal(t, "11229000", b.send(insRing, 0, 0),
			"another ring: the first is garbage as well")
		whole, err = b.Memory()
		require.NoError(t, err)
		return b
	}
	writes := cutEverywhere(t, prepare, command(insCollect, 0, 0), func(b bench, n int) {
		memory, err := b.Memory()
		require.NoError(t, err)
		assert.Contains(t, []int{whole.NVMFree, freed.NVMFree}, memory.NVMFree,
			"all or nothing, before write %d", n)
		assert.Equal(t, "11229000", b.send(insRing, 1, 0), "what can be reached is whole")
	})
	assert.Positive(t, writes)
}

func TestProfileLimitsPackages(t *testing.T) {
	small := card.P71
	small.NVMBytes = 6_000
	b := newBench(t, small)
	b.load("lib")
	before, err := b.Memory()
	require.NoError(t, err)
	_, err = b.Load(readCAP(t, "core"))
	require.ErrorIs(t, err, card.ErrRefused)
	after, err := b.Memory()
	require.NoError(t, err)
	assert.Equal(t, before, after)
	require.Len(t, b.Packages(), 1)
}

// state is what READ_STATE answers after the applet set every part from value.
func state(value byte, log byte) string {
	v := int8(value)
	odd := value & 1
	var s []byte
	s = append(s, value)
	s = binary.BigEndian.AppendUint16(s, uint16(int16(v)*3))
	s = binary.BigEndian.AppendUint32(s, uint32(int32(v)*70000))
	s = append(s, odd, 2-odd)
	s = binary.BigEndian.AppendUint16(s, uint16(int16(v)+1000))
	s = binary.BigEndian.AppendUint16(s, uint16(int16(v)*5))
	s = binary.BigEndian.AppendUint32(s, uint32(int32(v)*90000))
	s = append(s, odd, value, value, 0, value)
	for range 8 {
		s = append(s, log)
	}
	return hex.EncodeToString(append(s, 0, 0x90, 0x00))
}

// untouched is what READ_STATE answers first.
var untouched = strings.Repeat("00", 31) + "9000"

func (b bench) state() string { return b.send(insReadState, 0, 0) }

// What each way to run a transaction leaves behind.
func TestTransactions(t *testing.T) {
	rows := []struct {
		name     string
		which    byte
		response string
		kept     bool // the new values, else the old ones
		log      byte
	}{
		{"committed", 0, "9000", true, 0},
		{"aborted", 1, "9000", false, 0},
		{"nested: TransactionException.IN_PROGRESS", 2, "6F11", false, 0},
		{"commit without begin: TransactionException.NOT_IN_PROGRESS", 3, "6F12", false, 0},
		{"abort without begin: TransactionException.NOT_IN_PROGRESS", 4, "6F12", false, 0},
		{"left open", 5, "9000", false, 0},
		{"left open by an ISOException", 6, "6984", false, 0},
		{"left open by an exception of the machine", 7, swIndex, false, 0},
		{"none at all", 8, "9000", true, 0},
		{"a non-atomic write survives the abort", 9, "9000", false, 0x35},
		{"the same place twice, aborted", 14, "9000", false, 0},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			b := newProbe(t, card.P71)
			require.Equal(t, untouched, b.state())
			require.Equal(t, "9000", b.send(insTransact, 0, 0x12), "first values")
			require.Equal(t, state(0x12, 0), b.state())
			assert.Equal(t, lower(r.response), b.send(insTransact, r.which, 0x35))
			want := state(0x12, r.log)
			if r.kept {
				want = state(0x35, r.log)
			}
			assert.Equal(t, want, b.state())
			b.Reset()
			b.selectApplet(coreInstance)
			assert.Equal(t, want, b.state(), "after a reset")
		})
	}
}

func TestTransactionDepthAndObjects(t *testing.T) {
	run(t, newProbe(t, card.P71), []row{
		{"depth outside, inside, after", insTransact, 12, 0, "", "00 01 00 9000"},
		{"an object of an aborted transaction is gone", insTransact, 16, 7, "", "9000"},
		{"and its reference null", insTransact, 17, 0, "", "00 9000"},
		{"an object of a committed one stays", insTransact, 15, 7, "", "0707 9000"},
		{"another, aborted", insTransact, 16, 9, "", "9000"},
		{"the first is back", insTransact, 17, 0, "", "0707 9000"},
	})
}

// TestProfileLimitsInstall: what install writes and makes must fit into the card's journal of it,
// and one byte less is too little; afterwards nothing counts.
func TestProfileLimitsInstall(t *testing.T) {
	b := newProbe(t, card.P71)
	used := b.InstallUsed()
	assert.Positive(t, used)
	assert.LessOrEqual(t, used, card.P71.InstallBytes)
	b.send(insTransact, 10, 1)
	assert.Equal(t, used, b.InstallUsed(), "of the installation alone")

	tight := card.P71
	tight.InstallBytes = used
	newProbe(t, tight)
	tight.InstallBytes--
	less := newBench(t, tight)
	less.load("lib", "core")
	_, err := less.Install(coreModule, coreInstance, nil)
	assert.ErrorIs(t, err, card.ErrRefused)
	assert.ErrorContains(t, err, "TransactionException with reason 0x0003")
	_, err = less.Install(coreModule, coreInstance, nil)
	assert.ErrorContains(t, err, "TransactionException", "and nothing of it is left")
}

func TestProfileLimitsTransaction(t *testing.T) {
	b := newProbe(t, card.P71)
	assert.Equal(t, lower("6F13"), b.send(insTransact, 11, 0x35),
		"TransactionException.BUFFER_FULL")
	assert.Equal(t, untouched, b.state())
	answer := unhex(t, b.send(insTransact, 10, 1))
	require.Len(t, answer, 8)
	capacity, before, inside := binary.BigEndian.Uint16(answer),
		binary.BigEndian.Uint16(answer[2:]), binary.BigEndian.Uint16(answer[4:])
	assert.EqualValues(t, card.P71.CommitBytes, capacity)
	assert.Equal(t, capacity, before)
	assert.Less(t, inside, capacity-1001, "a byte and 1,000 bytes, and what describes them")
	assert.Greater(t, inside, capacity-1101)

	free := newProbe(t, card.Unlimited)
	assert.Equal(t, "9000", free.send(insTransact, 11, 0x35))
}

// cutEverywhere runs a command with power lost before its first, second, ... write
// until it gets through, and has check look at the card after each restart. It
// returns how many writes the command has.
func cutEverywhere(
	t *testing.T, prepare func() bench, command []byte, check func(b bench, n int),
) int {
	t.Helper()
	for n := 1; ; n++ {
		b := prepare()
		b.CutBefore(n)
		answer, err := b.TransmitBytes(command)
		if err == nil {
			require.Equal(t, []byte{0x90, 0x00}, answer[len(answer)-2:])
			require.Equal(t, n-1, b.LastCommand().Writes,
				"it has one write less than the first cut that missed")
			return n - 1
		}
		require.ErrorIs(t, err, card.ErrPowerLost)
		_, err = b.TransmitBytes(command)
		require.ErrorIs(t, err, card.ErrPowerLost, "a card without power answers nothing")
		b.Reset()
		b.selectApplet(coreInstance)
		check(b, n)
	}
}

func TestPowerCutInATransaction(t *testing.T) {
	prepare := func() bench {
		b := newProbe(t, card.P71)
		require.Equal(t, "9000", b.send(insTransact, 0, 0x12))
		return b
	}
	writes := cutEverywhere(t, prepare, command(insTransact, 0, 0x35), func(b bench, n int) {
		assert.Equal(t, state(0x12, 0), b.state(), "before write %d", n)
		require.Equal(t, "9000", b.send(insTransact, 0, 0x35), "the command can be repeated")
		assert.Equal(t, state(0x35, 0), b.state())
	})
	assert.Greater(t, writes, 10)

	// An element at a time, 100 of them.
	writes = cutEverywhere(t, prepare, command(insTransact, 13, 0x35), func(b bench, n int) {
		assert.Equal(t, state(0x12, 0), b.state(), "before write %d", n)
	})
	assert.Equal(t, 102, writes, "100 elements, a field and the commit")
}

// Without a transaction each write stands by itself: a cut leaves some of the
// parts new, more of them the later it comes.
func TestPowerCutWithoutATransaction(t *testing.T) {
	before, after := unhex(t, state(0x12, 0)), unhex(t, state(0x35, 0))
	prepare := func() bench {
		b := newProbe(t, card.P71)
		require.Equal(t, "9000", b.send(insTransact, 0, 0x12))
		return b
	}
	last := 0
	writes := cutEverywhere(t, prepare, command(insTransact, 8, 0x35), func(b bench, n int) {
		got := unhex(t, b.state())
		changed := 0
		for i := range got {
			if got[i] != before[i] {
				assert.Equal(t, after[i], got[i], "byte %d before write %d", i, n)
				changed++
			}
		}
		assert.GreaterOrEqual(t, changed, last)
		last = changed
	})
	assert.Greater(t, writes, 10)
	assert.Positive(t, last)
}

func TestPINs(t *testing.T) {
	b := newProbe(t, card.P71)
	run(t, b, []row{ // result, tries left, validated
		{"at first", insPIN, 5, 0, "00", "01 03 00 9000"},
		{"wrong", insPIN, 0, 0, "01020305", "00 02 00 9000"},
		{"right", insPIN, 0, 0, "01020304", "01 03 01 9000"},
		{"reset", insPIN, 2, 0, "00", "01 03 00 9000"},
		{"right", insPIN, 0, 0, "01020304", "01 03 01 9000"},
		{"wrong ends the validation", insPIN, 0, 0, "010203", "00 02 00 9000"},
		{"wrong in a transaction that is aborted", insPIN, 4, 0, "04030201", "00 01 00 9000"},
		{"the try is spent", insPIN, 5, 0, "00", "01 01 00 9000"},
		{"the last wrong one", insPIN, 0, 0, "09090909", "00 00 00 9000"},
		{"right is too late", insPIN, 0, 0, "01020304", "00 00 00 9000"},
		{"reset does not unblock", insPIN, 2, 0, "00", "01 00 00 9000"},
		{"unblock", insPIN, 3, 0, "00", "01 03 00 9000"},
		{"another PIN", insPIN, 1, 0, "0908070605", "01 03 00 9000"},
		{"the old one", insPIN, 0, 0, "01020304", "00 02 00 9000"},
		{"the new one", insPIN, 0, 0, "0908070605", "01 03 01 9000"},
		{"too long: PINException.ILLEGAL_VALUE", insPIN, 1, 0, "010203040506070809", "6F41"},
	})
	b.Reset()
	b.selectApplet(coreInstance)
	run(t, b, []row{{"a reset ends the validation", insPIN, 5, 0, "00", "01 03 00 9000"}})
}

// However power is cut, a wrong PIN that was answered has spent a try, and no cut
// gives one back.
func TestPowerCutAtPIN(t *testing.T) {
	prepare := func() bench { return newProbe(t, card.P71) }
	wrong := command(insPIN, 0, 0, 9, 9, 9, 9)
	cutEverywhere(t, prepare, wrong, func(b bench, n int) {
		answer := b.send(insPIN, 5, 0, 0)
		assert.Contains(t, []string{"0103009000", "0102009000"}, answer, "before write %d", n)
	})
}

// A random walk over everything that changes persistent state, with cuts and
// resets: the card must always show what a model without cuts allows.
func TestRandomLife(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := newProbe(t, card.P71)
		value := byte(0)
		expect := func() string {
			if value == 0 {
				return untouched
			}
			return state(value, 0)
		}
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			next := rapid.ByteRange(4, 127).Draw(r, "value")
			which := rapid.SampledFrom([]byte{0, 1, 2, 5, 6, 7, 14}).Draw(r, "which")
			cut := rapid.IntRange(0, 25).Draw(r, "cut")
			b.CutBefore(cut)
			answer, err := b.TransmitBytes(command(insTransact, which, next))
			switch {
			case err != nil:
				b.Reset()
				b.selectApplet(coreInstance)
			case which == 0 && hex.EncodeToString(answer) == "9000":
				value = next
			}
			if got := b.state(); got != expect() {
				r.Fatalf("after transaction %d of %02x, cut before %d: %s, not %s", which, next,
					cut, got, expect())
			}
		}
	})
}
