package globalplatform

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"errors"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/emulator/cap"
	"ekrona.example/emulator/card"
)

// loading is a load in progress, from INSTALL [for load] to the last LOAD. A card
// without power forgets it.
type loading struct {
	aid, hash []byte
	next      byte // block number
	full      bool // 256 blocks came
	content   []byte
}

// forLoad prepares for LOAD.
func (c *Card) forLoad(data []byte) error {
	c.loading = nil
	f, err := gpc.ParseForLoad(data)
	if err != nil {
		return err
	}
	switch {
	case len(f.Token) > 0:
		return apdu.SWWrongData
	case len(f.Domain) > 0 && !c.isDomain(f.Domain):
		return apdu.SWNotFound
	case c.taken(f.LoadFile):
		return apdu.SWConditions
	}
	c.loading = &loading{aid: bytes.Clone(f.LoadFile), hash: bytes.Clone(f.Hash)}
	return nil
}

// load is LOAD (GPC §11.6). Any error ends the loading, and nothing of it remains.
func (c *Card) load(command apdu.Command) ([]byte, error) {
	l := c.loading
	c.loading = nil
	switch {
	case l == nil:
		return nil, apdu.SWConditions
	case command.P1&^gpc.LastBlock != 0 || command.P2 != l.next || l.full:
		return nil, apdu.SWWrongP1P2
	case len(command.Data) == 0:
		return nil, apdu.SWWrongData
	}
	memory, err := c.card.Memory()
	if err != nil {
		return nil, err
	}
	// Descriptor and Debug components need no room on the card, so that this is more
	// than what fits; the linker decides.
	if free := memory.NVMFree; len(l.content)+len(command.Data) > min(gpc.MaxLoadFile, 2*free) {
		return nil, apdu.SWNoMemory
	}
	l.content = append(l.content, command.Data...)
	if command.P1&gpc.LastBlock == 0 {
		l.next++
		l.full = l.next == 0
		c.loading = l
		return nothingMore, nil
	}
	if err := c.finish(l, memory.NVMFree); err != nil {
		return nil, err
	}
	return nothingMore, nil
}

// finish checks the whole load file and links it.
func (c *Card) finish(l *loading, free int) error {
	block, signatures, err := gpc.ParseLoadFile(l.content)
	if err != nil {
		return err
	}
	if signatures > 0 || len(l.hash) > 0 && !hashes(l.hash, block) {
		return apdu.SWWrongData
	}
	file, err := cap.ParseLoadFile(block)
	if err != nil || !bytes.Equal(file.Header.Package.AID, l.aid) {
		return apdu.SWWrongData
	}
	err = c.act(func() error {
		_, err := c.card.LoadBlock(block)
		return err
	})
	if errors.Is(err, card.ErrRefused) && free < len(block) {
		return apdu.SWNoMemory
	}
	return err
}

// hashes reports whether hash is that of the block by one of the algorithms that card
// capability information names (GPC §C.2).
func hashes(hash, block []byte) bool {
	switch len(hash) {
	case sha1.Size:
		return [sha1.Size]byte(hash) == sha1.Sum(block)
	case sha256.Size:
		return [sha256.Size]byte(hash) == sha256.Sum256(block)
	case sha512.Size384:
		return [sha512.Size384]byte(hash) == sha512.Sum384(block)
	case sha512.Size:
		return [sha512.Size]byte(hash) == sha512.Sum512(block)
	}
	return false
}
