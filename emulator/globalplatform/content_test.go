package globalplatform

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
	"ekrona.example/apdu/tlv"
)

func TestLoadRefuses(t *testing.T) {
	lib := block(t, "lib")
	file, err := gpc.AppendLoadFile(nil, lib)
	require.NoError(t, err)
	sum := sha256.Sum256(lib)
	altered := bytes.Clone(file)
	altered[len(altered)-1] ^= 1
	for _, c := range []struct {
		name  string
		load  gpc.ForLoad
		file  []byte
		want  apdu.StatusWord // of INSTALL, or else of the last LOAD
		early bool
	}{
		{"right", gpc.ForLoad{LoadFile: libPackage}, file, apdu.OK, false},
		{"right hash", gpc.ForLoad{LoadFile: libPackage, Domain: domainAID, Hash: sum[:]}, file,
			apdu.OK, false},
		{"wrong hash", gpc.ForLoad{LoadFile: libPackage, Hash: sum[:]}, altered, apdu.SWWrongData,
			false},
		{"hash of no algorithm", gpc.ForLoad{LoadFile: libPackage, Hash: sum[:5]}, file,
			apdu.SWWrongData, false},
		{"other AID", gpc.ForLoad{LoadFile: corePackage}, file, apdu.SWWrongData, false},
		{"import missing", gpc.ForLoad{LoadFile: corePackage}, mustLoadFile(t, "core"),
			apdu.SWWrongData, false},
		{"cut short", gpc.ForLoad{LoadFile: libPackage}, file[:len(file)-1], apdu.SWWrongData,
			false},
		{"signed", gpc.ForLoad{LoadFile: libPackage}, append([]byte{0xE2, 0}, file...),
			apdu.SWWrongData, false},
		{"token", gpc.ForLoad{LoadFile: libPackage, Token: []byte{1}}, nil, apdu.SWWrongData, true},
		{"other domain", gpc.ForLoad{LoadFile: libPackage, Domain: corePackage}, nil,
			apdu.SWNotFound, true},
		{"AID taken", gpc.ForLoad{LoadFile: domainAID}, nil, apdu.SWConditions, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := plain(t)
			answer := b.send("80E60200", fmt.Sprintf("%X", c.load.Encode()))
			if c.early {
				assert.Equal(t, fmt.Sprintf("%04X", uint16(c.want)), answer)
				assert.Equal(t, "6985", b.exchange("80E8800001C4"))
				return
			}
			require.Equal(t, "009000", answer)
			for n := 0; n*200 < len(c.file); n++ {
				part, p1 := c.file[n*200:], byte(gpc.LastBlock)
				if len(part) > 200 {
					part, p1 = part[:200], 0
				}
				answer = b.send(fmt.Sprintf("80E8%02X%02X", p1, n), fmt.Sprintf("%X", part))
			}
			assert.Equal(t, fmt.Sprintf("%04X", uint16(c.want)), answer[len(answer)-4:])
			assert.Equal(t, c.want == apdu.OK, len(b.card.Packages()) == 1)
		})
	}
}

func mustLoadFile(t *testing.T, name string) []byte {
	t.Helper()
	file, err := gpc.AppendLoadFile(nil, block(t, name))
	require.NoError(t, err)
	return file
}

// Blocks come in order, and a broken order ends the loading.
func TestLoadKeepsToTheOrder(t *testing.T) {
	b := plain(t)
	begin := func() { require.Equal(t, "009000", b.send("80E60200", "06F050524F4201 00 00 00 00")) }
	begin()
	assert.Equal(t, "6A86", b.exchange("80E8000101C4"))
	assert.Equal(t, "6985", b.exchange("80E8000001C4"))
	begin()
	assert.Equal(t, "009000", b.exchange("80E8000001C4"))
	assert.Equal(t, "6A86", b.exchange("80E8000001C4"))
	begin()
	assert.Equal(t, "6A80", b.exchange("80E80000"))
	begin()
	require.NoError(t, b.Reset())
	b.open(scp03.Options{})
	assert.Equal(t, "6985", b.exchange("80E8000001C4"), "power was lost")

	// 256 blocks and no more can be numbered.
	begin()
	for n := range 256 {
		require.Equal(t, "009000", b.exchange(fmt.Sprintf("80E800%02X01C4", n)))
	}
	assert.Equal(t, "6A86", b.exchange("80E8000001C4"))
}

// What does not fit the card's memory is refused on the way.
func TestLoadNeedsMemory(t *testing.T) {
	b := plain(t)
	c := b.open(scp03.Options{})
	// 256 blocks of 255 bytes are less than the memory is; a card half full takes fewer.
	memory, err := b.card.Memory()
	require.NoError(t, err)
	require.Greater(t, memory.NVMFree, 256*255)
	assert.ErrorContains(t, c.Load(t.Context(), libPackage, make([]byte, 256*255)),
		"the most is 256")
	b.loading = &loading{aid: libPackage, next: 7, content: make([]byte, 2*memory.NVMFree)}
	assert.Equal(t, "6A84", b.exchange("80E8000701C4"))
}

func TestInstallRefuses(t *testing.T) {
	b := plain(t)
	c := b.open(scp03.Options{})
	loadProbe(t, c)
	good := gpc.ForInstall{LoadFile: corePackage, Module: coreModule, Instance: coreInstance}
	for name, row := range map[string]struct {
		change func(f *gpc.ForInstall)
		want   apdu.StatusWord
	}{
		"security domain": {
			func(f *gpc.ForInstall) { f.Privileges = gpc.PrivilegeSecurityDomain },
			apdu.SWWrongData},
		"token": {func(f *gpc.ForInstall) { f.Token = []byte{1} },
			apdu.SWWrongData},
		"other load file": {func(f *gpc.ForInstall) { f.LoadFile = libPackage },
			apdu.SWNotFound},
		"other module": {func(f *gpc.ForInstall) { f.Module = coreInstance },
			apdu.SWNotFound},
		"AID of a package": {func(f *gpc.ForInstall) { f.Instance = libPackage },
			apdu.SWConditions},
		"short AID": {func(f *gpc.ForInstall) { f.Instance = []byte{1, 2, 3, 4} },
			apdu.SWWrongData},
	} {
		f := good
		row.change(&f)
		assert.ErrorIs(t, c.Install(t.Context(), f), row.want, name)
	}
	for header, want := range map[string]string{
		"80E61000": "6A81", "80E64000": "6A81", // extradition, registry update
		"80E60300": "6A86", "80E60001": "6A86", "80E60E00": "6A86",
	} {
		assert.Equal(t, want, b.send(header, "00"), header)
	}
	assert.Empty(t, b.card.Applets())
	assert.Empty(t, b.state.apps)
	require.NoError(t, c.Install(t.Context(), good))
	assert.Equal(t, "6985", b.send("80E62000", "0000 07F050524F42020A 000000"),
		"no applet takes personalization data")
	assert.Equal(t, "6A88", b.send("80E62000", "0000 07F050524F42020B 000000"))
}

func TestGetStatusForms(t *testing.T) {
	b := plain(t)
	c := b.open(scp03.Options{})
	loadProbe(t, c)
	var instances [][]byte
	for i := range 9 {
		instance := append(bytes.Clone(corePackage), bytes.Repeat([]byte{byte(i)}, 10)...)
		require.NoError(t, c.Install(t.Context(),
			gpc.ForInstall{LoadFile: corePackage, Module: coreModule, Instance: instance}))
		instances = append(instances, instance)
	}
	for command, want := range map[string]string{
		"80F28002024F00": "E31D 4F08A000000151000000 9F700101 C503 98DC00 " +
			"CC08A000000151000000 9000",
		"80F28002 07 4F00 5C03 4F9F70": "E30E 4F08A000000151000000 9F700101 9000",
		"80F28000024F00":               "08A000000151000000 01 98 9000",
		"80F22002024F00": "E31A 4F06F050524F4201 9F700101 CE020100 " +
			"CC08A000000151000000 E31A 4F06F050524F4202 9F700101 CE020100 " +
			"CC08A000000151000000 9000",
		"80F22000024F00":                      "06F050524F4201 0100 06F050524F4202 0100 9000",
		"80F21000 08 4F06F050524F4202":        "06F050524F4202 0100 01 07F050524F420201 9000",
		"80F21002 0B 4F06F050524F4202 5C0184": "E309 8407F050524F420201 9000",
		"80F21002 08 4F06F050524F4201": "E31A 4F06F050524F4201 9F700101 CE020100 " +
			"CC08A000000151000000 9000",
		"80F24002 07 4F05A000000000": "6A88",
		"80F24003 02 4F00":           "6985", // nothing to go on with
		"80F2C002 02 4F00":           "6A86",
		"80F24004 02 4F00":           "6A86",
		"80F24002 02 5C00":           "6A80",
		"80F24002 01 4F":             "6A80",
		"80F24002 04 4F00 5C01":      "6A80",
	} {
		want, err := apdu.ParseHex(want)
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprintf("%X", want), b.exchange(command), command)
	}
	answer := b.exchange("80F24002024F00")
	assert.Equal(t, "6310", answer[len(answer)-4:])
	assert.Equal(t, "6985", b.exchange("80F22003024F00"), "not of what was asked for")
	contents, err := b.open(scp03.Options{Level: scp03.Full, S16: true}).List(t.Context())
	require.NoError(t, err)
	require.Len(t, contents.Applications, len(instances))
	for i, a := range contents.Applications {
		assert.Equal(t, instances[i], a.AID)
	}
}

func TestDataObjects(t *testing.T) {
	b := newBench(t)
	answer := b.exchange("80CA9F7F00")
	assert.Equal(t, fmt.Sprintf("9F7F2A4790D3214700000000008345%X", b.state.identity[:6]),
		answer[:42])
	assert.Equal(t, answer[6:], b.exchange("00CA9F7F00"),
		"an interindustry class gives the value alone")
	assert.Equal(t, "E012C00401FF8810C00402FF8810C00403FF88109000", b.exchange("80CA00E000"))
	assert.Equal(t, "C1030000009000", b.exchange("80CA00C100"))
	// As P71 cards answer, see apdu/gpc/cardinfo_test.go.
	assert.Equal(t, "6F108408A000000151000000A5049F6501FF9000", b.exchange("00A4040000"))
	assert.Equal(t, "664D734B06072A864886FC6B01600B06092A864886FC6B020203630906072A864886FC"+
		"6B03640B06092A864886FC6B040370"+
		"650D060B2A864886FC6B0507020000660C060A2B060104012A026E01039000", b.exchange("80CA006600"))
	assert.Equal(t, fmt.Sprintf("CF0A%X9000", b.state.identity[:]), b.exchange("80CA00CF00"))
	assert.Equal(t, "6A88", b.exchange("80CA004200"))
	assert.Equal(t, "6A80", b.exchange("80CA00660100"))
	for _, object := range []string{"80CA006600", "80CA006700", "80CAFF2100"} {
		raw, err := b.TransmitBytes(unhex(object))
		require.NoError(t, err)
		require.Equal(t, []byte{0x90, 0}, raw[len(raw)-2:])
		if object != "80CAFF2100" { // its tag 81 and so on are not constructed
			_, err = tlv.Parse(raw[:len(raw)-2])
		}
		assert.NoError(t, err, object)
	}
	memory, err := b.card.Memory()
	require.NoError(t, err)
	assert.Equal(t, fmt.Sprintf("FF210F8101008204%08X8304%08X9000", memory.NVMFree,
		memory.ResetFree), b.exchange("80CAFF2100"))
}

func TestStoreData(t *testing.T) {
	b := plain(t)
	c := b.open(scp03.Options{})
	require.NoError(t, c.StoreData(t.Context(), gpc.TagIIN, []byte{1, 2, 3}))
	require.NoError(t, c.StoreData(t.Context(), gpc.TagIIN, []byte{4, 5}))
	assert.Equal(t, "420204059000", b.exchange("80CA004200"))
	assert.Equal(t, "9000", b.send("80E28800", "007004 4502AABB"), "in a DGI")
	assert.Equal(t, "9000", b.send("80E21000", "45"), "in blocks")
	assert.Equal(t, "9000", b.send("80E29001", "01CC"))
	assert.Equal(t, "4501CC9000", b.exchange("80CA004500"))
	for header, data := range map[string]string{
		"80E29000": "FF210101", "80E28000": "", "80E28800": "007105 4502AABB00",
		"80E2F000": "420101", "80E29801": "420101", "80E29805": "420101",
	} {
		want := "6A80"
		if header != "80E29000" && header != "80E28000" && header != "80E28800" {
			want = "6A86"
		}
		if data == "" {
			assert.Equal(t, want, b.exchange(header), header)
			continue
		}
		assert.Equal(t, want, b.send(header, data), header)
	}
	// The security domain's own name: it is found by the new one from then on.
	require.NoError(t, c.StoreData(t.Context(), gpc.TagAID, unhex("A00000015153504100")))
	assert.Equal(t, "6A82", b.exchange("00A4040008A000000151000000"))
	b.reopen()
	assert.Contains(t, b.exchange("00A4040009A0000001515350410000"), "8409A00000015153504100")
}

// The record has room for what it must hold, and says so when it has none left.
func TestRecordRunsFull(t *testing.T) {
	b := plain(t)
	c := b.open(scp03.Options{Level: scp03.CMAC})
	version := byte(1)
	for ; version < gpc.MaxKeyVersion; version++ {
		if err := c.PutKeys(t.Context(), version, otherKeys(version, 32), 0); err != nil {
			require.ErrorIs(t, err, apdu.SWNoMemory)
			break
		}
	}
	assert.Greater(t, version, byte(10))
	b.reopen()
	b.open(scp03.Options{Keys: otherKeys(version-1, 32), KeyVersion: version - 1})
}

func TestRecordsOfOtherHandsAreRefused(t *testing.T) {
	s, err := blank(scp03.TestKeys(), bytes.NewReader(make([]byte, 10)))
	require.NoError(t, err)
	record, err := s.encode()
	require.NoError(t, err)
	again, err := parseState(record)
	require.NoError(t, err)
	assert.Equal(t, s, again)
	for n := range record {
		_, err := parseState(record[:n])
		if err == nil { // a record that ends between two data objects, after the AID
			assert.Greater(t, n, len(domainAID)+2)
		}
	}
	for _, wrong := range [][]byte{nil, {0x80, 1, 2}, append(bytes.Clone(record), 0x90, 0),
		append(bytes.Clone(record), 0x84, 1, 1)} {
		_, err := parseState(wrong)
		assert.ErrorIs(t, err, errRecord)
	}
}
