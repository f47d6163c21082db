package gpc

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/apdu"
	"ekrona.example/apdu/tlv"
)

func aidOf(t *rapid.T, name string) []byte {
	return rapid.SliceOfN(rapid.Byte(), MinAIDLength, MaxAIDLength).Draw(t, name)
}

func bytesOf(t *rapid.T, name string, most int) []byte {
	b := rapid.SliceOfN(rapid.Byte(), 0, most).Draw(t, name)
	return append([]byte{}, b...)
}

// What one side writes the other reads, of every length.
func TestLayoutsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		load := ForLoad{aidOf(t, "load file"), aidOf(t, "domain"), bytesOf(t, "hash", 127),
			bytesOf(t, "parameters", 400), bytesOf(t, "token", 200)}
		gotLoad, err := ParseForLoad(load.Encode())
		require.NoError(t, err)
		assert.Equal(t, load, gotLoad)

		install := ForInstall{
			aidOf(t, "load file"), aidOf(t, "module"), aidOf(t, "instance"),
			Privileges(rapid.Uint32Range(0, 0xFFFFFF).Draw(t, "privileges")),
			bytesOf(t, "parameters", 400), bytesOf(t, "token", 200),
		}
		encoded, err := install.Encode()
		require.NoError(t, err)
		gotInstall, err := ParseForInstall(encoded)
		require.NoError(t, err)
		assert.Equal(t, install, gotInstall)

		selectable := ForMakeSelectable{aidOf(t, "instance"), install.Privileges,
			bytesOf(t, "parameters", 200), bytesOf(t, "token", 200)}
		gotSelectable, err := ParseForMakeSelectable(selectable.Encode())
		require.NoError(t, err)
		assert.Equal(t, selectable, gotSelectable)

		put := PutKey{Version: byte(rapid.IntRange(1, MaxKeyVersion).Draw(t, "version"))}
		for range rapid.IntRange(1, 4).Draw(t, "keys") {
			n := rapid.SampledFrom([]int{16, 24, 32}).Draw(t, "length")
			put.Keys = append(put.Keys,
				NewKey{n, make([]byte, (n+15)/16*16),
					make([]byte, rapid.SampledFrom([]int{0, 3}).Draw(t, "check"))})
		}
		gotPut, err := ParsePutKey(put.Encode())
		require.NoError(t, err)
		assert.Equal(t, put, gotPut)

		entry := Entry{AID: aidOf(t, "AID"), LifeCycle: LifeCycle(rapid.Byte().Draw(t, "life")),
			Privileges: install.Privileges,
			LoadFile:   aidOf(t, "load file"), Domain: aidOf(t, "domain"), Version: []byte{1, 2},
			Modules: [][]byte{aidOf(t, "one"), aidOf(t, "two")}}
		list, err := entry.Append(nil, true, nil)
		require.NoError(t, err)
		list, err = entry.Append(list, true, nil)
		require.NoError(t, err)
		entries, err := ParseEntries(list)
		require.NoError(t, err)
		assert.Equal(t, []Entry{entry, entry}, entries)

		search := Search{AID: bytesOf(t, "prefix", MaxAIDLength),
			Tags: []tlv.Tag{TagAID, TagLifeCycle, TagStatus}}
		encoded, err = search.Encode()
		require.NoError(t, err)
		gotSearch, err := ParseSearch(encoded)
		require.NoError(t, err)
		assert.Equal(t, search, gotSearch)
	})
}

func TestLoadFilesOfEveryLengthForm(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 255, 256, 65535, 65536, MaxLoadFile} {
		file, err := AppendLoadFile(nil, make([]byte, n))
		require.NoError(t, err)
		block, signatures, err := ParseLoadFile(file)
		require.NoError(t, err, n)
		assert.Len(t, block, n)
		assert.Zero(t, signatures)
		_, _, err = ParseLoadFile(append(file, 0))
		assert.ErrorIs(t, err, ErrMalformed, n)
	}
	_, err := AppendLoadFile(nil, make([]byte, MaxLoadFile+1))
	assert.Error(t, err)
	_, signatures, err := ParseLoadFile([]byte{0xE2, 0, 0xE2, 0, 0xC4, 0})
	require.NoError(t, err)
	assert.Equal(t, 2, signatures)
}

// A field length that is not there, is too long or has no such form.
func TestLayoutsRefuse(t *testing.T) {
	for name, err := range map[string]error{
		"load":            second(ParseForLoad([]byte{5, 1, 2, 3, 4})),
		"load, short AID": second(ParseForLoad([]byte{4, 1, 2, 3, 4, 0, 0, 0, 0})),
		"load, length 84": second(ParseForLoad([]byte{5, 1, 2, 3, 4, 5, 0, 0, 0x84, 0, 0})),
		"load, rest":      second(ParseForLoad([]byte{5, 1, 2, 3, 4, 5, 0, 0, 0, 0, 0})),
		"install, no C9": second(
			ParseForInstall([]byte("\x05AAAAA\x05AAAAA\x05AAAAA\x01\x00\x02\xEF\x00\x00"))),
		"install, C9 x 2": second(
			ParseForInstall([]byte("\x05AAAAA\x05AAAAA\x05AAAAA\x01\x00\x04\xC9\x00\xC9\x00\x00"))),
		"install, 2 bytes": second(
			ParseForInstall([]byte("\x05AAAAA\x05AAAAA\x05AAAAA\x02\x00\x00\x02\xC9\x00\x00"))),
		"selectable": second(
			ParseForMakeSelectable([]byte("\x01A\x00\x05AAAAA\x01\x00\x00\x00"))),
		"personalization": second(
			ParseForPersonalization([]byte("\x00\x00\x05AAAAA\x00\x00\x00\x00"))),
		"entries":      second(ParseEntries([]byte{0xE3, 0})),
		"entry twice":  second(ParseEntries([]byte("\xE3\x0E\x4F\x05AAAAA\x4F\x05AAAAA"))),
		"key template": second(ParseKeyTemplate([]byte{0xE0, 5, 0xC0, 3, 1, 2, 3})),
	} {
		assert.ErrorIs(t, err, ErrMalformed, name)
	}
	keys, err := ParseKeyTemplate([]byte{0xE0, 18, 0xC0, 4, 1, 2, 0x88, 16, 0xC0, 10, 2, 2, 0xFF,
		0x88, 0, 32, 1, 0x14, 1, 0})
	require.NoError(t, err)
	assert.Equal(t, []KeyInfo{{1, 2, 0x88, 16}, {2, 2, 0x88, 32}}, keys)
}

func second[T any](_ T, err error) error { return err }

// Long commands come in parts, and only those that may.
func TestChaining(t *testing.T) {
	for _, n := range []int{0, 255, 256, 510, 511, 1000} {
		var data []byte
		var headers [][2]byte
		chaining := Chaining{apdu.CardFunc(func(_ context.Context, c apdu.Command) (apdu.Response,
			error) {
			data = append(data, c.Data...)
			headers = append(headers, [2]byte{c.INS, c.P1})
			assert.False(t, c.IsExtended())
			return apdu.Response{SW: apdu.OK}, nil
		})}
		want := bytes.Repeat([]byte{7}, n)
		_, err := chaining.Transmit(t.Context(),
			apdu.Command{CLA: 0x84, INS: InsInstall, P1: InstallInstall, Data: want, Ne: 256})
		require.NoError(t, err)
		assert.True(t, bytes.Equal(want, data))
		for i, h := range headers {
			assert.Equal(t, i < len(headers)-1, h[1]&MoreCommands != 0)
		}
		assert.Len(t, headers, max(1, (n+254)/255))
	}
	sent := 0
	refusing := Chaining{apdu.CardFunc(func(_ context.Context, c apdu.Command) (apdu.Response,
		error) {
		sent++
		if c.INS == InsLoad {
			return apdu.Response{SW: apdu.OK}, nil
		}
		return apdu.Response{SW: apdu.SWConditions}, nil
	})}
	r, err := refusing.Transmit(t.Context(), apdu.Command{INS: InsDelete, Data: make([]byte, 600)})
	require.NoError(t, err)
	assert.Equal(t, apdu.SWConditions, r.SW)
	assert.Equal(t, 1, sent)
	_, err = refusing.Transmit(t.Context(), apdu.Command{INS: InsLoad, Data: make([]byte, 600)})
	require.NoError(t, err)
	assert.Equal(t, 2, sent)
}

// An answer to a part of a command is none to the command.
func TestChainingTakesNoAnswerToAPart(t *testing.T) {
	early := Chaining{apdu.CardFunc(func(context.Context, apdu.Command) (apdu.Response, error) {
		return apdu.Response{SW: 0x6102}, nil
	})}
	_, err := early.Transmit(t.Context(), apdu.Command{INS: InsDelete, Data: make([]byte, 600)})
	require.ErrorContains(t, err, "to a part of a command that is not the last")
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	_, err := Check("DELETE", apdu.Response{SW: apdu.SWNotFound})
	assert.EqualError(t, err, "DELETE: the card answered 6A88 REFERENCED_DATA_NOT_FOUND: "+
		"referenced data or reference data not found; list the card")
	assert.ErrorIs(t, err, apdu.SWNotFound)
	_, err = Check("DELETE", apdu.Response{SW: 0x6F42})
	assert.ErrorContains(t, err, "6F42")
	more := apdu.Response{Data: []byte{1}, SW: apdu.SWMoreAvailable}
	data, err := Check("GET STATUS", more, apdu.SWMoreAvailable)
	require.NoError(t, err)
	assert.Equal(t, []byte{1}, data)
}

// No input makes a parser fail but with ErrMalformed, and what is accepted means
// the same when it is written again.
func FuzzLayouts(f *testing.F) {
	for _, seed := range [][]byte{
		{}, ForLoad{LoadFile: []byte("AAAAA")}.Encode(),
		ForMakeSelectable{Instance: []byte("AAAAA")}.Encode(),
		PutKey{1, []NewKey{{16, make([]byte, 16), make([]byte, 3)}}}.Encode(),
		{0x4F, 0, 0x5C, 3, 0x4F, 0x9F, 0x70},
		[]byte("\x05AAAAA\x05AAAAA\x05AAAAA\x01\x00\x02\xC9\x00\x00"),
		{0xE3, 7, 0x4F, 5, 1, 2, 3, 4, 5}, {0xC4, 1, 2},
		{0xE0, 6, 0xC0, 4, 1, 2, 0x88, 16},
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, err := ParseForLoad(b); err == nil {
			again, err := ParseForLoad(v.Encode())
			require.NoError(t, err)
			require.Equal(t, v.Encode(), again.Encode())
		} else {
			require.ErrorIs(t, err, ErrMalformed)
		}
		if v, err := ParseForInstall(b); err == nil {
			encoded, err := v.Encode()
			require.NoError(t, err)
			again, err := ParseForInstall(encoded)
			require.NoError(t, err)
			require.Equal(t, v.Instance, again.Instance)
			require.True(t, bytes.Equal(v.Parameters, again.Parameters))
		} else {
			require.ErrorIs(t, err, ErrMalformed)
		}
		if v, err := ParseForMakeSelectable(b); err == nil {
			again, err := ParseForMakeSelectable(v.Encode())
			require.NoError(t, err)
			require.Equal(t, v.Instance, again.Instance)
		} else {
			require.ErrorIs(t, err, ErrMalformed)
		}
		if v, err := ParsePutKey(b); err == nil {
			again, err := ParsePutKey(v.Encode())
			require.NoError(t, err)
			require.Equal(t, v.Encode(), again.Encode())
		} else {
			require.ErrorIs(t, err, ErrMalformed)
		}
		if v, err := ParseEntries(b); err == nil {
			var encoded []byte
			for _, e := range v {
				encoded, err = e.Append(encoded, true, nil)
				require.NoError(t, err)
			}
			again, err := ParseEntries(encoded)
			require.NoError(t, err)
			require.Len(t, again, len(v))
		} else {
			require.ErrorIs(t, err, ErrMalformed)
		}
		if v, err := ParseSearch(b); err == nil {
			encoded, err := v.Encode()
			require.NoError(t, err)
			again, err := ParseSearch(encoded)
			require.NoError(t, err)
			require.Equal(t, v.Tags, again.Tags)
		} else {
			require.ErrorIs(t, err, ErrMalformed)
		}
		if v, _, err := ParseLoadFile(b); err == nil {
			encoded, err := AppendLoadFile(nil, v)
			require.NoError(t, err)
			require.True(t, bytes.HasSuffix(b, encoded))
		} else {
			require.ErrorIs(t, err, ErrMalformed)
		}
		if _, err := ParseKeyTemplate(b); err != nil {
			require.ErrorIs(t, err, ErrMalformed)
		}
		if _, err := ParseForPersonalization(b); err != nil {
			require.ErrorIs(t, err, ErrMalformed)
		}
	})
}
