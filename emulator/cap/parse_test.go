package cap

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The CAP files of the probe applets, written by Oracle's converter from the
// sources beside them.
var probes = []string{"lib", "vault", "core", "guest"}

func readProbe(t testing.TB, name string) []byte {
	data, err := os.ReadFile(filepath.Join("..", "testdata", "probe", name+".cap"))
	require.NoError(t, err)
	return data
}

func parseProbe(t testing.TB, name string) *File {
	f, err := Parse(readProbe(t, name))
	require.NoError(t, err)
	return f
}

func TestProbesParse(t *testing.T) {
	lib := parseProbe(t, "lib")
	require.Empty(t, lib.Applets, "a library")
	require.True(t, lib.Header.UsesInt)
	require.Equal(t, 11, lib.Statics.ImageSize)
	require.Equal(t, []byte{0, 4, 3, 2, 0xDE, 0xAD, 0xBE, 0xEF}, lib.Statics.NonDefault)
	require.NotEmpty(t, lib.Exports)

	guest := parseProbe(t, "guest")
	require.Len(t, guest.Applets, 1)
	require.Equal(t, guest.Header.Package.AID, guest.Applets[0].AID[:len(guest.Header.Package.AID)])
	header, ok := guest.Methods.HeaderAt(guest.Applets[0].InstallOffset)
	require.True(t, ok)
	require.Equal(t, 3, header.Args, "install takes an array, a short and a byte")
	imports := [][]byte{}
	for _, i := range guest.Imports {
		imports = append(imports, i.AID)
	}
	vault := parseProbe(t, "vault")
	require.Contains(t, imports, vault.Header.Package.AID)
}

// TestRelocationsPointAtConstants: the constant pool indices that the linker reads from
// the code are those that the converter lists.
func TestRelocationsPointAtConstants(t *testing.T) {
	for _, name := range probes {
		f := parseProbe(t, name)
		for _, at := range f.RefLocation.Byte {
			require.Less(t, int(f.Methods.Content[at]), len(f.Constants), "%s at %d", name, at)
		}
		for _, at := range f.RefLocation.Byte2 {
			require.Less(t, int(f.Methods.Content[at])<<8|int(f.Methods.Content[at+1]),
				len(f.Constants), "%s at %d", name, at)
		}
	}
}

func TestLoadFileIsTheSameFile(t *testing.T) {
	for _, name := range probes {
		f := parseProbe(t, name)
		again, err := ParseLoadFile(f.LoadFile())
		require.NoError(t, err)
		require.Equal(t, f, again)
	}
}

// TestLoadFileWithoutDescriptor: card managers leave out Descriptor and Debug.
func TestLoadFileWithoutDescriptor(t *testing.T) {
	f := parseProbe(t, "core")
	f.raw[TagDescriptor], f.raw[TagDebug] = nil, nil
	again, err := ParseLoadFile(f.LoadFile())
	require.NoError(t, err)
	require.Nil(t, again.Descriptor)
	require.Equal(t, f.Methods, again.Methods)
}

// TestEveryTruncationIsRefused cuts the load file at every byte.
func TestEveryTruncationIsRefused(t *testing.T) {
	f := parseProbe(t, "vault")
	whole := f.LoadFile()
	optional := len(whole) - len(f.raw[TagDescriptor]) - len(f.raw[TagDebug])
	for n := range whole {
		_, err := ParseLoadFile(whole[:n])
		if n == optional || n == len(whole)-len(f.raw[TagDebug]) {
			continue // a whole file without its optional components
		}
		var e *Error
		require.ErrorAs(t, err, &e, "%d of %d bytes", n, len(whole))
	}
}

func TestMalformedFilesSayWhatAndWhere(t *testing.T) {
	size := func(f *File, tag Tag) { // make the declared size fit again
		n := len(f.raw[tag]) - componentHeaderBytes
		f.raw[tag][1], f.raw[tag][2] = byte(n>>8), byte(n)
		at := componentHeaderBytes + 2*(int(tag)-1)
		f.raw[TagDirectory][at], f.raw[TagDirectory][at+1] = byte(n>>8), byte(n)
	}
	for _, c := range []struct {
		name   string
		damage func(f *File)
		want   string
	}{
		{"magic", func(f *File) { f.raw[TagHeader][3] = 0 },
			"CAP file, component Header, offset 3: magic is 00CAFFED, must be DECAFFED"},
		{"format", func(f *File) { f.raw[TagHeader][7] = 3 },
			"component Header, offset 7: CAP format 2.3 is not supported"},
		{"flags", func(f *File) { f.raw[TagHeader][9] |= 0x10 },
			"component Header, offset 9: flags 14 have reserved bits"},
		{"no method", func(f *File) { f.raw[TagMethod] = nil },
			"component Method: component is missing"},
		{"no applet", func(f *File) {
			f.raw[TagApplet] = nil
			f.raw[TagDirectory][7],
				f.raw[TagDirectory][8] = 0, 0
		}, "component Applet: component is missing, but the header's flags announce it"},
		{"directory", func(f *File) { f.raw[TagDirectory][4]++ },
			"component Directory, offset 3: declares"},
		{"AID length", func(f *File) { f.raw[TagApplet][4] = 4 },
			"component Applet, offset 4: applet AID is 4 bytes long, must be 5 to 16"},
		{"constant tag", func(f *File) { f.raw[TagConstantPool][5] = 7 },
			"component ConstantPool, offset 5: constant tag 7, must be 1 to 6"},
		{"constant count", func(f *File) { f.raw[TagConstantPool][3] = 0xFF },
			"constants need at least"},
		{"trailing", func(f *File) {
			f.raw[TagImport] = append(f.raw[TagImport], 0)
			size(f,
				TagImport)
		}, "component Import, offset"},
		{"handler", func(f *File) { f.raw[TagMethod][4], f.raw[TagMethod][5] = 0xFF, 0xFF },
			"component Method, offset 4: exception handler covers"},
		{"class flags", func(f *File) { f.raw[TagClass][3] |= 0x10 },
			"component Class, offset 3: class flags"},
		{"export", func(f *File) { f.raw[TagExport][5]++ },
			"component Export, offset 4: exports a class at"},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := "vault"
			if c.name == "handler" || c.name == "flags" {
				name = "guest"
			}
			f := parseProbe(t, name)
			c.damage(f)
			_, err := ParseLoadFile(f.LoadFile())
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestArchives(t *testing.T) {
	_, err := Parse([]byte("PK no zip"))
	require.ErrorContains(t, err, "not a zip archive")

	pack := func(entries map[string][]byte) []byte {
		var buf bytes.Buffer
		w := zip.NewWriter(&buf)
		for name, data := range entries {
			e, err := w.Create(name)
			require.NoError(t, err)
			_, err = e.Write(data)
			require.NoError(t, err)
		}
		require.NoError(t, w.Close())
		return buf.Bytes()
	}
	for _, c := range []struct {
		name, want string
		entries    map[string][]byte
	}{
		{"empty", "component Header: component is missing", nil},
		{"short", "component Header, offset 0: only 2 bytes",
			map[string][]byte{"a/javacard/Header.cap": {1, 0}}},
		{"tag", "component Header, offset 0: tag is 2, must be 1",
			map[string][]byte{"a/javacard/Header.cap": {2, 0, 0}}},
		{"size", "component Header, offset 1: declares 5 bytes, but 1 follow",
			map[string][]byte{"a/javacard/Header.cap": {1, 0, 5, 0}}},
		{"two packages", "component is there twice",
			map[string][]byte{"a/javacard/Header.cap": {1, 0, 0},
				"b/javacard/Header.cap": {1, 0, 0}}},
		{"bomb", "larger than the 65538 bytes",
			map[string][]byte{"a/javacard/Method.cap": make([]byte, 1<<20)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(pack(c.entries))
			require.ErrorContains(t, err, c.want)
		})
	}
}

// FuzzParse: nothing makes the parser panic, and what it accepts comes back
// from its own load file.
func FuzzParse(f *testing.F) {
	for _, name := range probes {
		f.Add(readProbe(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse(data)
		if err != nil {
			return
		}
		again, err := ParseLoadFile(file.LoadFile())
		require.NoError(t, err)
		require.Equal(t, file, again)
	})
}

// FuzzParseLoadFile is the same for load files, which no zip checksum protects.
func FuzzParseLoadFile(f *testing.F) {
	for _, name := range probes {
		f.Add(parseProbe(f, name).LoadFile())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := ParseLoadFile(data)
		if err != nil {
			require.Nil(t, file)
			return
		}
		again, err := ParseLoadFile(file.LoadFile())
		require.NoError(t, err)
		require.Equal(t, file, again)
	})
}
