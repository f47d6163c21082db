package globalplatform_test

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/globalplatform"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/scp03"
	"ekrona.example/apdu/spec"
	"ekrona.example/emulator/cap"
	"ekrona.example/emulator/card"
	emulated "ekrona.example/emulator/globalplatform"
)

// watched is a card that keeps what it was sent and can answer in another's place.
type watched struct {
	apdu.Card
	sent   []apdu.Command
	change func(apdu.Command, apdu.Response) apdu.Response
}

func (w *watched) Transmit(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	w.sent = append(w.sent, c)
	r, err := w.Card.Transmit(ctx, c)
	if w.change != nil {
		r = w.change(c, r)
	}
	return r, err
}

func newCard(t *testing.T) *watched {
	t.Helper()
	c, err := card.New(card.Options{Profile: card.P71})
	require.NoError(t, err)
	managed, err := emulated.New(c, emulated.Options{})
	require.NoError(t, err)
	return &watched{Card: managed}
}

func open(t *testing.T, c apdu.Card, level scp03.Level) *globalplatform.Client {
	t.Helper()
	client, err := globalplatform.Open(t.Context(), c, nil,
		scp03.Options{Keys: scp03.TestKeys(), Level: level})
	require.NoError(t, err)
	return client
}

func applet(t *testing.T, path string) *cap.File {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	file, err := cap.Parse(content)
	require.NoError(t, err)
	return file
}

// The committed applet goes onto a blank card in short commands that fit the
// channel, and is what the card then lists.
func TestLoadTheApplet(t *testing.T) {
	file := applet(t, "../../applet/ekrona.cap")
	for _, level := range []scp03.Level{scp03.CMAC, scp03.Full} {
		c := newCard(t)
		client := open(t, c, level)
		require.NoError(t, client.Load(t.Context(), file.Header.Package.AID, file.LoadFile()),
			level)
		for _, sent := range c.sent {
			assert.False(t, sent.IsExtended())
		}
		contents, err := client.List(t.Context())
		require.NoError(t, err)
		require.Len(t, contents.LoadFiles, 1)
		assert.Equal(t, file.Header.Package.AID, contents.LoadFiles[0].AID)
		assert.Equal(t, [][]byte{file.Applets[0].AID}, contents.LoadFiles[0].Modules)

		// What the applet's install method refuses comes back as the card's refusal.
		err = client.Install(t.Context(), gpc.ForInstall{
			LoadFile: file.Header.Package.AID, Module: file.Applets[0].AID,
			Instance: file.Applets[0].AID,
		})
		var refusal *gpc.Refusal
		require.ErrorAs(t, err, &refusal)
		assert.Equal(t, apdu.SWWrongData, refusal.SW)

		parameters := message.InstallParameters{
			Device: "SE00000000000001", Role: spec.RoleCard,
			Ceilings: message.PilotPolicy(), Slots: spec.MinSlots,
			Date: message.DateOf(time.Unix(1_800_000_000, 0)),
		}
		encoded, err := parameters.Encode()
		require.NoError(t, err)
		require.NoError(t, client.Install(t.Context(), gpc.ForInstall{
			LoadFile: file.Header.Package.AID, Module: file.Applets[0].AID,
			Instance: file.Applets[0].AID, Parameters: encoded,
		}))
		response, err := c.Transmit(t.Context(),
			apdu.Command{INS: gpc.InsSelect, P1: gpc.P1ByName, Data: file.Applets[0].AID, Ne: 256})
		require.NoError(t, err)
		assert.Equal(t, apdu.OK, response.SW)

		client = open(t, c, level)
		require.NoError(t, client.Delete(t.Context(), file.Header.Package.AID, true))
		contents, err = client.List(t.Context())
		require.NoError(t, err)
		assert.Empty(t, contents.LoadFiles)
	}
}

func TestSelectSaysWhichCard(t *testing.T) {
	c := newCard(t)
	domain, err := globalplatform.Select(t.Context(), c, nil)
	require.NoError(t, err)
	assert.Equal(t, globalplatform.Domain{AID: []byte{0xA0, 0, 0, 1, 0x51, 0, 0, 0}, MaxData: 255},
		domain)
	_, err = globalplatform.Select(t.Context(), c, []byte("other"))
	assert.ErrorIs(t, err, apdu.SWFileNotFound)
	keys, err := globalplatform.Keys(t.Context(), c)
	require.NoError(t, err)
	assert.Equal(t, gpc.KeyInfo{ID: 1, Version: 0xFF, Type: gpc.KeyTypeAES, Length: 16}, keys[0])

	client := open(t, c, scp03.CMAC)
	for _, to := range []gpc.LifeCycle{gpc.Initialized, gpc.Secured, gpc.CardLocked} {
		require.NoError(t, client.SetCardStatus(t.Context(), to))
	}
	domain, err = globalplatform.Select(t.Context(), c, nil)
	require.NoError(t, err)
	assert.True(t, domain.Locked)

	for name, answer := range map[string][]byte{
		"nothing": nil, "no AID": {0x6F, 2, 0xA5, 0}, "short AID": {0x6F, 4, 0x84, 2, 1, 2},
		"cut short":  {0x6F, 9, 0x84},
		"cut inside": {0x6F, 9, 0x84, 5, 1, 2, 3, 4, 5, 0xA5, 1},
	} {
		_, err := globalplatform.Select(t.Context(),
			apdu.CardFunc(func(context.Context, apdu.Command) (apdu.Response, error) {
				return apdu.Response{Data: answer, SW: apdu.OK}, nil
			}), nil)
		assert.ErrorIs(t, err, gpc.ErrMalformed, name)
	}
}

// With keys of another card nothing that costs a try goes out.
func TestWrongKeysCostNoTry(t *testing.T) {
	c := newCard(t)
	wrong := scp03.TestKeys()
	wrong.MAC = bytes.Repeat([]byte{9}, 16)
	_, err := globalplatform.Open(t.Context(), c, nil,
		scp03.Options{Keys: wrong, Level: scp03.CMAC})
	require.ErrorIs(t, err, scp03.ErrWrongKeys)
	for _, sent := range c.sent {
		assert.NotEqual(t, byte(gpc.InsExternalAuthenticate), sent.INS)
	}
}

// A master key gives each card keys of its own, which open it and no other.
func TestDiversifiedKeys(t *testing.T) {
	master := scp03.Master(bytes.Repeat([]byte{0x5A}, 32))
	one, other := newCard(t), newCard(t)
	for _, c := range []*watched{one, other} {
		var offer scp03.Offer
		c.change = func(command apdu.Command, r apdu.Response) apdu.Response {
			if command.INS == gpc.InsInitializeUpdate {
				var err error
				offer, err = scp03.ParseOffer(r.Data)
				require.NoError(t, err)
			}
			return r
		}
		client := open(t, c, scp03.CMACEncryption)
		keys, err := master.For(offer)
		require.NoError(t, err)
		require.NoError(t, client.PutKeys(t.Context(), 1, keys, 0))
		assert.Equal(t, byte(0xFF), client.KeyVersion())
		client, err = globalplatform.Open(t.Context(), c, nil,
			scp03.Options{Keys: master, KeyVersion: 1, Level: scp03.Full})
		require.NoError(t, err)
		assert.Equal(t, byte(1), client.KeyVersion())
	}
}

func TestPutKeysChecks(t *testing.T) {
	c := newCard(t)
	client := open(t, c, scp03.CMAC)
	sent := len(c.sent)
	assert.ErrorContains(t, client.PutKeys(t.Context(), 0, scp03.TestKeys(), 0), "choose 01 to 7F")
	assert.ErrorContains(t, client.PutKeys(t.Context(), 0x80, scp03.TestKeys(), 0),
		"choose 01 to 7F")
	assert.ErrorContains(t, client.PutKeys(t.Context(), 1, scp03.Keys{}, 0), "three AES keys")
	assert.Len(t, c.sent, sent, "nothing went out")
	c.change = func(_ apdu.Command, r apdu.Response) apdu.Response {
		r.Data[1] ^= 1
		return r
	}
	assert.ErrorContains(t, client.PutKeys(t.Context(), 1, scp03.TestKeys(), 0),
		"other check values")
}

// Reading ends at a card that answers "more" for ever.
func TestListEnds(t *testing.T) {
	c := newCard(t)
	client := open(t, c, scp03.CMAC)
	c.change = func(_ apdu.Command, r apdu.Response) apdu.Response {
		return apdu.Response{SW: apdu.SWMoreAvailable}
	}
	_, err := client.List(t.Context())
	assert.ErrorIs(t, err, gpc.ErrMalformed)
	assert.Less(t, len(c.sent), 1000)
}

// Commands that need no key are answered the same with and without a channel.
func TestDataOverTheChannel(t *testing.T) {
	c := newCard(t)
	client := open(t, c, scp03.Full)
	require.NoError(t, client.StoreData(t.Context(), gpc.TagCIN, bytes.Repeat([]byte{7}, 20)))
	over, err := globalplatform.GetData(t.Context(), client.Card(), gpc.TagCIN)
	require.NoError(t, err)
	_, err = globalplatform.Select(t.Context(), c, nil)
	require.NoError(t, err)
	bare, err := globalplatform.GetData(t.Context(), c, gpc.TagCIN)
	require.NoError(t, err)
	assert.Equal(t, over, bare)
	assert.Equal(t, append([]byte{0x45, 20}, bytes.Repeat([]byte{7}, 20)...), bare)
}
