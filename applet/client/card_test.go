package client

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
)

// dialogue is a card that expects these commands, in hex, in this order, and
// answers as written.
type dialogue struct {
	t     *testing.T
	turns []turn
}

type turn struct{ command, answer string }

func (d *dialogue) Transmit(_ context.Context, c apdu.Command) (apdu.Response, error) {
	d.t.Helper()
	require.NotEmpty(d.t, d.turns, "no command was expected any more, and %v came", c)
	next := d.turns[0]
	d.turns = d.turns[1:]
	assert.Equal(d.t, next.command, c.String())
	if next.answer == "" {
		return apdu.Response{}, errors.New("field lost")
	}
	raw, err := apdu.ParseHex(next.answer)
	require.NoError(d.t, err)
	response, err := apdu.ParseResponse(raw)
	require.NoError(d.t, err)
	return response, nil
}

func talk(t *testing.T, turns ...turn) *Client {
	d := &dialogue{t, turns}
	t.Cleanup(func() { assert.Empty(t, d.turns, "commands that were expected did not come") })
	return New(d)
}

func TestCommandsAreThoseOfTheSpec(t *testing.T) {
	ctx := context.Background()
	cases := []struct {
		name string
		turn turn
		do   func(*Client) (any, error)
		want any
	}{
		{"SELECT", turn{"00A4040008F0454B524F4E410100",
			"6F28 8408F0454B524F4E4101 A51C CD0107 9F08020200 CE010F 9F4C080102030405060708 " +
				"C90400000005 9000"},
			func(c *Client) (any, error) { return c.Select(ctx) },
			message.FCI{LifeCycle: spec.Active, SpecVersion: 0x0200, Capabilities: 0x0F,
				Nonce: message.Nonce{1, 2, 3, 4, 5, 6, 7, 8}, OrderNumber: 5}},
		{"REQUEST", turn{"801000000B8104000011945F2A02075200", "E1009000"},
			func(c *Client) (any, error) { return c.Request(ctx, 4500, "") }, []byte{0xE1, 0}},
		{"REQUEST of one payer",
			turn{"801000001D8104000011945F2A0207525A1053454E4F52444943303030303030303100",
				"E1009000"},
			func(c *Client) (any, error) { return c.Request(ctx, 4500, "SENORDIC00000001") },
			[]byte{0xE1, 0}},
		{"REFUSE", turn{"80160000079F41040000000700", "E4009000"},
			func(c *Client) (any, error) { return c.Refuse(ctx, 7) }, []byte{0xE4, 0}},
		{"GET DATA balance", turn{"00CA00C400", "C40400004E209000"},
			func(c *Client) (any, error) { return c.Balance(ctx) }, money.Ore(20000)},
		{"GET DATA device", turn{"00CA005A00", "5A1053454E4F524449433030303030303031 9000"},
			func(c *Client) (any, error) { return c.Device(ctx) },
			message.DeviceID("SENORDIC00000001")},
		{"GET DATA counters",
			turn{
				"00CA00E900",
				"E926 9F360400000005 C20400000003 C50400000002 9F410400000001 CF01C8 D40107 " +
					"DB0102 DC010A 9000",
			},
			func(c *Client) (any, error) { return c.Counters(ctx) },
			message.Counters{ATC: 5, AckedATC: 3, InstructionSequence: 2, RequestCounter: 1,
				Slots: 200, Group: 7, Attacks: 2, MaxAttacks: 10}},
		{"ACTIVATE", turn{"00440000", "9000"},
			func(c *Client) (any, error) { return nil, c.Activate(ctx) }, nil},
		{"GET CHALLENGE", turn{"0084000000", "01020304050607089000"},
			func(c *Client) (any, error) { return c.GetChallenge(ctx) },
			message.Nonce{1, 2, 3, 4, 5, 6, 7, 8}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.do(talk(t, c.turn))
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

func TestAuthoritiesAreIntroducedOnlyWhenTheCardAsks(t *testing.T) {
	ctx, request, payee, ca := context.Background(), []byte{1}, []byte{2}, []byte{3}
	pay, introduce := "8012000002010200", "002A00BE0103"

	_, err := talk(t, turn{pay, "E2009000"}).Pay(ctx, request, payee, ca)
	require.NoError(t, err)

	_, err = talk(t, turn{pay, "6A88"}, turn{introduce, "9000"}, turn{pay, "E2009000"}).Pay(ctx,
		request, payee, ca)
	require.NoError(t, err)

	_, err = talk(t, turn{pay, "6A88"}, turn{introduce, "9407"}).Pay(ctx, request, payee, ca)
	assert.True(t, Is(err, spec.SWCertificate))
	assert.ErrorIs(t, err, ErrNotAuthentic)

	_, err = talk(t, turn{pay, "6A88"}, turn{introduce, "9000"}, turn{pay, "6A88"}).Pay(ctx,
		request, payee, ca)
	assert.True(t, Is(err, spec.SWReferenceUnknown), "it is asked for once")
}

func TestRefusalsAndLostCardsAreToldApart(t *testing.T) {
	ctx := context.Background()
	_, err := talk(t, turn{"8012000002010200", "9401"}).Pay(ctx, []byte{1}, []byte{2}, nil)
	assert.True(t, Is(err, spec.SWFunds))
	assert.ErrorIs(t, err, ErrLimit)
	assert.False(t, IsLost(err))
	assert.ErrorContains(t, err, "PAY")

	_, err = talk(t, turn{"8012000002010200", ""}).Pay(ctx, []byte{1}, []byte{2}, nil)
	assert.True(t, IsLost(err))
	assert.False(t, Is(err, spec.SWFunds))
	assert.ErrorContains(t, err, "hold it to the reader again")

	_, err = talk(t, turn{"8012000002010200", "FFFF"}).Pay(ctx, []byte{1}, []byte{2}, nil)
	assert.True(t, IsLost(err), "a reader's status, which says nothing of what the card has done")
	assert.ErrorIs(t, err, apdu.ErrResponse)
}

func TestRecordsAreReadUpToTheFirstMissing(t *testing.T) {
	ctx := context.Background()
	records, err := talk(t, turn{"00B2010C000000", "AA9000"}, turn{"00B2020C000000", "BBCC9000"},
		turn{"00B2030C000000", "6A83"}).Records(ctx)
	require.NoError(t, err)
	assert.Equal(t, [][]byte{{0xAA}, {0xBB, 0xCC}}, records)

	_, err = talk(t, turn{"00B2010C000000", "AA9000"}, turn{"00B2020C000000", ""}).Records(ctx)
	assert.True(t, IsLost(err), "half a log is no log")
}

func TestReadingGoesOnBehindWhatIsKnown(t *testing.T) {
	ctx := context.Background()
	var kept [][]byte
	keep := func(record []byte) error {
		kept = append(kept, record)
		return nil
	}
	err := talk(t, turn{"00B2030C000000", "AA9000"}, turn{"00B2040C000000", ""}).
		RecordsFrom(ctx, 2, keep)
	assert.True(t, IsLost(err))
	assert.Equal(t, [][]byte{{0xAA}}, kept, "what was read before the tap was torn")
	require.NoError(t, talk(t, turn{"00B2040C000000", "6A83"}).RecordsFrom(ctx, 3, keep))
	assert.Len(t, kept, 1)
	full := errors.New("journal")
	assert.ErrorIs(t, talk(t, turn{"00B2010C000000", "AA9000"}).RecordsFrom(ctx, 0,
		func([]byte) error { return full }), full)
}

func TestAnswersThatAreNotTheAppletsAreRefused(t *testing.T) {
	ctx := context.Background()
	for name, answer := range map[string]string{
		"too short":      "C403004E209000",
		"another object": "C50400004E209000",
		"left over":      "C40400004E20009000",
		"nothing":        "9000",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := talk(t, turn{"00CA00C400", answer}).Balance(ctx)
			assert.ErrorIs(t, err, ErrAnswer)
		})
	}
	_, err := talk(t, turn{"00A4040008F0454B524F4E410100",
		"6F17 8408F0454B524F4E4101 A50B CD0107 9F08020100 CE0107 9000"}).Select(ctx)
	assert.ErrorContains(t, err, "2.0")
}

// A card that selects no application says what to do about it; the status word stays found.
func TestSelectionWithoutApplicationNamesTheRemedy(t *testing.T) {
	for answer, want := range map[string]error{"6A82": ErrNoApplication, "6A81": ErrCardLocked} {
		c := talk(t, turn{"00A4040008F0454B524F4E410100", answer})
		_, err := c.Select(context.Background())
		require.ErrorIs(t, err, want)
		var refused *Refusal
		require.ErrorAs(t, err, &refused)
		assert.Contains(t, refused.SW.String(), answer)
	}
}

// A card of another version says so, whatever else its answer has: one line, and what to do.
func TestACardOfAnotherVersionIsTold(t *testing.T) {
	for _, c := range []struct{ fci, says string }{
		{"6F17 8408F0454B524F4E4101 A50B CD0107 9F08020100 CE0107 9000",
			"1.0 on the card, 2.0 here"}, // as version 1 answered
		{"6F28 8408F0454B524F4E4101 A51C CD0107 9F08020300 CE010F 9F4C080102030405060708 " +
			"C90400000005 9000", "3.0 on the card, 2.0 here"},
	} {
		_, err := talk(t, turn{"00A4040008F0454B524F4E410100", c.fci}).Select(context.Background())
		require.ErrorIs(t, err, ErrVersion)
		require.ErrorContains(t, err, c.says)
		require.ErrorContains(t, err, "update the older of the two, a card by issuing a new one")
	}
	_, err := talk(t, turn{"00A4040008F0454B524F4E410100", "6F02 8400 9000"}).
		Select(context.Background())
	require.ErrorIs(t, err, ErrAnswer, "no version at all")
}
