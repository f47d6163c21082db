package globalplatform

import (
	"bytes"
	"context"
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
)

// PutKeys brings a key set onto the card by one PUT KEY, all of it or nothing (GPC
// §11.8, Amd D §7.2): under a new version, or in the place of the version replaces,
// whose keys must have the same length; 0 replaces nothing. On a card with its
// initial keys only, the first new set ends those. Keep the keys before you send
// them: there is no way to read them back.
func (c *Client) PutKeys(ctx context.Context, version byte, keys scp03.Keys, replaces byte) error {
	if version == 0 || version > gpc.MaxKeyVersion {
		return fmt.Errorf("globalplatform: key version %02X; choose 01 to 7F", version)
	}
	if err := keys.Check(); err != nil {
		return err
	}
	put := gpc.PutKey{Version: version}
	want := []byte{version}
	for _, key := range keys.List() {
		enciphered, err := c.channel.EncryptKey(key, c.random)
		if err != nil {
			return err
		}
		check, err := scp03.CheckValue(key)
		if err != nil {
			return err
		}
		put.Keys = append(put.Keys,
			gpc.NewKey{Length: len(key), Enciphered: enciphered, Check: check[:]})
		want = append(want, check[:]...)
	}
	got, err := c.send(ctx, apdu.Command{
		INS: gpc.InsPutKey, P1: replaces, P2: gpc.PutKeySeveral | gpc.FirstKeyID,
		Data: put.Encode(),
	})
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("globalplatform: PUT KEY: the card took the keys and names other check "+
			"values, %X instead of %X; list its keys before you go on", got, want)
	}
	return nil
}
