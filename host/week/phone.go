package week

import (
	"bytes"
	"compress/flate"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"

	"ekrona.example/host/banking"
	"ekrona.example/host/store"
	"ekrona.example/host/wallet"
)

// journal is what is on a phone that nobody uses: its database as SQLite writes it, compressed.
// Thousands of phones are off while a few are in use, and a database takes pages for every table.
type journal []byte

// pocket is where phones are used, one after the other: one database in memory, which holds the
// journal of the phone in use.
type pocket struct {
	db       *sql.DB
	blank    []byte        // image of a phone that was never used
	compress *flate.Writer // takes a megabyte: one for all phones
}

func newPocket(ctx context.Context) (*pocket, error) {
	schema, err := wallet.Schema()
	if err != nil {
		return nil, err
	}
	p := &pocket{}
	if p.compress, err = flate.NewWriter(nil, flate.BestSpeed); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	if p.db, err = store.Open(ctx, store.Memory, schema); err != nil {
		return nil, err
	}
	if p.blank, err = store.Image(ctx, p.db); err != nil {
		return nil, errors.Join(err, p.db.Close())
	}
	return p, nil
}

// use starts a person's phone, calls do, and puts phone and card away.
func (k *pocket) use(
	ctx context.Context, w *world, p *person, do func(*wallet.Wallet) error,
) error {
	return k.useOver(ctx, w, p, w.link(p.bank), do)
}

// useOver is use with another way to the bank.
func (k *pocket) useOver(
	ctx context.Context, w *world, p *person, way banking.Wallet, do func(*wallet.Wallet) error,
) error {
	image, err := p.journal.image(k.blank)
	if err != nil {
		return fmt.Errorf("phone of %s: %w", p.name, err)
	}
	if err := store.SetImage(ctx, k.db, image); err != nil {
		return fmt.Errorf("phone of %s: %w", p.name, err)
	}
	phone, err := wallet.New(ctx, wallet.Config{
		DB: k.db, Random: p.random, App: p.app, Device: p.device.ID,
		Certificate: p.device.Certificate, CA: p.bank.ca.Encoded, PINPoint: p.device.PINPoint,
		Authorities: w.authorities(), Intermediary: way,
		Provenance: w.plan.Liquidity.Provenance,
	})
	if err != nil {
		return fmt.Errorf("phone of %s: %w", p.name, err)
	}
	err = do(phone)
	p.card.Reset()
	if image, failed := store.Image(ctx, k.db); failed != nil {
		err = errors.Join(err, failed)
	} else if p.journal, failed = k.journalOf(image); failed != nil {
		err = errors.Join(err, failed)
	}
	return err
}

// image returns the journal as SQLite reads it.
func (j journal) image(blank []byte) ([]byte, error) {
	if j == nil {
		return blank, nil
	}
	image, err := io.ReadAll(flate.NewReader(bytes.NewReader(j)))
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	return image, nil
}

// journalOf returns the journal that an image makes.
func (k *pocket) journalOf(image []byte) (journal, error) {
	var b bytes.Buffer
	k.compress.Reset(&b)
	_, err := k.compress.Write(image)
	if err := errors.Join(err, k.compress.Close()); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	return bytes.Clone(b.Bytes()), nil
}
