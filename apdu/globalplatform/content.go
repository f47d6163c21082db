package globalplatform

import (
	"bytes"
	"context"
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/tlv"
)

// maxBlocks is how many LOAD commands can be numbered.
const maxBlocks = 256

// Load brings a load file onto the card: INSTALL [for load], then LOAD until it is
// there (GPC §11.5, §11.6). aid is that of the package, block its load file data block.
// The card discards an interrupted load.
func (c *Client) Load(ctx context.Context, aid, block []byte) error {
	file, err := gpc.AppendLoadFile(nil, block)
	if err != nil {
		return err
	}
	size := min(c.channel.MaxData(), c.domain.MaxData)
	if n := (len(file) + size - 1) / size; n > maxBlocks {
		return fmt.Errorf("globalplatform: the load file takes %d LOAD commands of %d bytes; the "+
			"most is %d: choose a lower security level or a smaller applet",
			n, size, maxBlocks)
	}
	install := apdu.Command{INS: gpc.InsInstall, P1: gpc.InstallLoad,
		Data: gpc.ForLoad{LoadFile: aid, Domain: c.domain.AID}.Encode()}
	if _, err := c.send(ctx, install); err != nil {
		return err
	}
	for number := 0; len(file) > 0; number++ {
		n := min(size, len(file))
		load := apdu.Command{INS: gpc.InsLoad, P2: byte(number), Data: file[:n]}
		if file = file[n:]; len(file) == 0 {
			load.P1 = gpc.LastBlock
		}
		if _, err := c.send(ctx, load); err != nil {
			return err
		}
	}
	return nil
}

// Install makes an instance of an applet module and makes it selectable, by INSTALL
// [for install and make selectable] (GPC §11.5.2.3.2).
func (c *Client) Install(ctx context.Context, f gpc.ForInstall) error {
	data, err := f.Encode()
	if err != nil {
		return err
	}
	_, err = c.send(ctx, apdu.Command{
		INS: gpc.InsInstall, P1: gpc.InstallInstall | gpc.InstallMakeSelectable, Data: data,
	})
	return err
}

// Delete deletes an applet or a load file; with related also the applets of the
// load file (GPC §11.2).
func (c *Client) Delete(ctx context.Context, aid []byte, related bool) error {
	data, err := tlv.Append(nil, gpc.TagAID, aid)
	if err != nil {
		return err
	}
	command := apdu.Command{INS: gpc.InsDelete, Data: data}
	if related {
		command.P2 = gpc.DeleteRelated
	}
	_, err = c.send(ctx, command)
	return err
}

// DeleteKeys deletes the key set of a version (GPC §11.2.2.3.2). The card keeps its
// last one.
func (c *Client) DeleteKeys(ctx context.Context, version byte) error {
	data, err := tlv.Append(nil, gpc.TagKeyVersion, []byte{version})
	if err != nil {
		return err
	}
	_, err = c.send(ctx, apdu.Command{INS: gpc.InsDelete, Data: data})
	return err
}

// SetCardStatus moves the card's life cycle by SET STATUS (GPC §11.10). Most steps
// cannot be undone.
func (c *Client) SetCardStatus(ctx context.Context, to gpc.LifeCycle) error {
	_, err := c.send(ctx, apdu.Command{INS: gpc.InsSetStatus, P1: gpc.StatusISD, P2: byte(to)})
	return err
}

// StoreData gives the security domain a data object by STORE DATA (GPC §11.11).
func (c *Client) StoreData(ctx context.Context, t tlv.Tag, value []byte) error {
	data, err := tlv.Append(nil, t, value)
	if err != nil {
		return err
	}
	const isTLV = 0x10 // GPC table 11-89
	size := min(c.channel.MaxData(), c.domain.MaxData)
	for number, last := 0, false; !last; number++ {
		n := min(size, len(data))
		block := bytes.Clone(data[:n])
		data = data[n:]
		last = len(data) == 0
		command := apdu.Command{INS: gpc.InsStoreData, P1: isTLV, P2: byte(number), Data: block}
		if last {
			command.P1 |= gpc.LastBlock
		}
		if _, err := c.send(ctx, command); err != nil {
			return err
		}
	}
	return nil
}
