package card_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/card"
	"ekrona.example/emulator/vm"
	"ekrona.example/scripts/capbuild"
)

// noBug fails if an error reports a bug in the emulator itself.
func noBug(t *testing.T, err error) {
	t.Helper()
	var bug *vm.InternalError
	if errors.As(err, &bug) {
		t.Fatal(bug)
	}
}

// Whatever comes over the wire, one command after the other, each after its length:
// the card answers or stops as a card does. One half of cut names a command, the other
// the write of it before which power goes.
func FuzzTransmit(f *testing.F) {
	story := func(commands ...[]byte) (input []byte) {
		for _, c := range commands {
			input = append(append(input, byte(len(c))), c...)
		}
		return input
	}
	for _, seed := range [][]byte{
		story(command(insInt, 3, 0, 0, 0, 0, 1, 0, 0, 0, 0), command(insTransact, 0, 1),
			command(insTransact, 16, 1), command(insTransact, 17, 0)),
		story(command(insSend, 0x7F, 0xFF), command(insEcho, 0, 0, 1, 2, 3),
			command(insCrypto, 1, 0, make([]byte, 32)...)),
		story(command(insPIN, 1, 0, 1, 2), command(insExhaust, 1, 0, 0xFF, 0xFF),
			command(insCollect, 0, 0)),
		story(command(insSum, 0xFF, 0, 0, 0, 0, 1), command(insRaise, 20, 0x80),
			selectCommand(coreInstance, 2)),
		story([]byte{0x80}, []byte{0x80, insEcho, 0, 0, 0, 0, 0}, []byte{0xFF, 0, 0, 0}),
		story(command(insRefuseSelect, 1, 0)),
	} {
		f.Add(seed, uint8(0))
		f.Add(seed, uint8(3))
	}
	f.Fuzz(func(t *testing.T, input []byte, cut uint8) {
		b := newProbe(t, card.P71)
		for n := uint8(0); n < 16 && len(input) > 0; n++ {
			size := min(int(input[0]), len(input)-1)
			raw := input[1 : 1+size]
			input = input[1+size:]
			if cut%16 == n {
				b.CutBefore(int(cut / 16))
			}
			answer, err := b.TransmitBytes(raw)
			noBug(t, err)
			if err != nil {
				b.Reset()
				_, err := b.TransmitBytes(selectCommand(coreInstance, 0))
				require.NoError(t, err)
				continue
			}
			require.GreaterOrEqual(t, len(answer), 2)
		}
		b.Reset()
		// may be refused, if it was asked to refuse the next
		_, err := b.TransmitBytes(selectCommand(coreInstance, 0))
		require.NoError(t, err)
		b.selectApplet(coreInstance)
		require.Len(t, b.state(), 66, "and lives on")
	})
}

// Bytecode that was tampered with is refused, or stops the card, or does what it
// does: it never stops the emulator.
func FuzzTamperedApplet(f *testing.F) {
	files := map[string][]byte{}
	for _, name := range []string{"lib", "core"} {
		files[name] = readCAP(f, name)
	}
	archive, err := capbuild.ReadArchive(files["core"])
	require.NoError(f, err)
	for i, component := range archive.Components {
		f.Add(uint8(i), uint16(len(component.Content)/2), uint8(0xFF), uint8(insNested))
		f.Add(uint8(i), uint16(len(component.Content)-1), uint8(1), uint8(insDescribe))
	}
	for offset := range uint16(60) {
		f.Add(uint8(5), 100*offset+60, uint8(0x10), uint8(insTransact))
	}
	f.Fuzz(func(t *testing.T, component uint8, offset uint16, flip, ins uint8) {
		archive, err := capbuild.ReadArchive(files["core"])
		require.NoError(t, err)
		content := archive.Components[int(component)%len(archive.Components)].Content
		content[int(offset)%len(content)] ^= flip
		tampered, err := archive.Bytes()
		require.NoError(t, err)

		b := newBench(t, card.P71)
		b.load("lib")
		p, err := b.Load(tampered)
		noBug(t, err)
		if err != nil || len(p.Modules) == 0 {
			return
		}
		instance, err := b.Install(p.Modules[0], p.Modules[0], nil)
		noBug(t, err)
		if err != nil {
			return
		}
		for _, c := range [][]byte{
			selectCommand(instance, 0), command(ins, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2),
			command(insNested, 1, 2), command(insCollect, 0, 0),
		} {
			if _, err := b.TransmitBytes(c); err != nil {
				noBug(t, err)
				b.Reset()
			}
		}
	})
}
