package client

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/pin"
)

// errQuiet ends a card's chatter, so that every conversation has an end.
var errQuiet = errors.New("the card says nothing more")

// chatter is a card that answers anything: parts of the input, each after its length.
func chatter(said []byte) apdu.Card {
	return apdu.CardFunc(func(context.Context, apdu.Command) (apdu.Response, error) {
		if len(said) == 0 {
			return apdu.Response{}, errQuiet
		}
		n := min(int(said[0]), len(said)-1)
		answer := said[1 : 1+n]
		said = said[1+n:]
		return apdu.ParseResponse(answer)
	})
}

// Whatever a card answers, every command ends, with what it asked for or an error.
func FuzzAnswers(f *testing.F) {
	fci, err := apdu.ParseHex("6F17 8408F0454B524F4E4101 A50B CD0107 9F08020200 CE0107 9000")
	require.NoError(f, err)
	for command := range uint8(16) {
		f.Add(command, append([]byte{byte(len(fci))}, fci...))
		f.Add(command, []byte{2, 0x6A, 0x88, 2, 0x90, 0, 4, 1, 2, 0x61, 5, 2, 0x6C, 9, 2, 0x90, 0,
			2, 0x6A, 0x83})
	}
	f.Fuzz(func(t *testing.T, command uint8, said []byte) {
		c, ctx := New(chatter(said)), t.Context()
		only := func(_ any, err error) error { return err }
		block, err := pin.NewBlock("2580")
		require.NoError(t, err)
		commands := []func() error{
			func() error { return only(c.Select(ctx)) },
			func() error { return only(c.Certificate(ctx)) },
			func() error { return only(c.Device(ctx)) },
			func() error { return only(c.Balance(ctx)) },
			func() error { return only(c.Policy(ctx)) },
			func() error { return only(c.Counters(ctx)) },
			func() error { return only(c.Records(ctx)) },
			func() error { return only(c.OpenRequests(ctx)) },
			func() error { return only(c.GenerateKeyPair(ctx)) },
			func() error { return only(c.GetChallenge(ctx)) },
			func() error { return only(c.Pay(ctx, nil, []byte{1}, []byte{2})) },
			func() error { return only(c.Accept(ctx, nil, []byte{1}, []byte{2})) },
			func() error { return only(c.GetState(ctx, nil, []byte{1})) },
			func() error { return only(c.Instruction(ctx, nil, []byte{1}, []byte{2})) },
			func() error { return c.Verify(ctx, block, PINTransport{}) },
			func() error { return only(c.Request(ctx, 1, "")) },
		}
		if err := commands[int(command)%len(commands)](); err != nil {
			require.NotEmpty(t, err.Error())
		}
	})
}
