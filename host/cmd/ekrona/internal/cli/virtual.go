package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"ekrona.example/emulator/card"
	"ekrona.example/emulator/globalplatform"
	"ekrona.example/host/durable"
	"ekrona.example/host/lockfile"
	"ekrona.example/host/shell"
)

// AddProfile adds the flag --profile, the product that a virtual card is of.
func AddProfile(c *cobra.Command, profile *string) {
	c.Flags().StringVar(profile, "profile", card.P71.Name, "product that a virtual card is of: "+
		"a name that \"ekrona card memory\" lists, or a file FILE.yaml such as \"ekrona card "+
		"profile\" writes")
}

// ProfileOf finds the profile of the flag --profile, by its name or in a file of the user's.
func ProfileOf(name string) (card.Profile, error) {
	if ext := filepath.Ext(name); ext == ".yaml" || ext == ".yml" {
		content, err := durable.Read(name)
		if err != nil {
			return card.Profile{}, Usage("--profile: %w", err)
		}
		profile, err := card.ParseProfile(content)
		if err != nil {
			return profile, Usage("--profile %s: %w", name, err)
		}
		return profile, nil
	}
	profile, err := card.ProfileNamed(name)
	if err != nil {
		return profile, Usage("--profile: %w", err)
	}
	return profile, nil
}

// openVirtual opens the virtual card that the flags name.
func (f *CardFlags) openVirtual() (*OpenCard, error) {
	profile := card.P71
	if f.Profile != "" {
		var err error
		if profile, err = ProfileOf(f.Profile); err != nil {
			return nil, err
		}
	}
	if _, err := os.Stat(f.File); errors.Is(err, fs.ErrNotExist) && f.MakeBlank && f.Passing {
		managed, err := shell.NewVirtual(card.Options{Profile: profile}, f.Seed)
		if err != nil {
			return nil, err
		}
		return virtualCard(managed, f.File, func() error { return nil }, profile),
			managed.Reset()
	}
	open := openVirtual
	if f.Copied {
		open = openCopied
	}
	opened, err := open(f.File, f.MakeBlank, profile, f.Seed)
	if errors.Is(err, ErrNoCard) {
		err = Usage("%s: %w", cmp.Or(f.Flag, "--card"), err)
	}
	return opened, err
}

// ErrNoCard is returned if there is no virtual card in a file.
var ErrNoCard = errors.New("no card in")

// OpenVirtual opens the virtual card of the P71 profile in a file; with makeBlank a new one if
// there is none. Errors: [ErrNoCard].
func OpenVirtual(path string, makeBlank bool) (*OpenCard, error) {
	return openVirtual(path, makeBlank, card.P71, "")
}

func openVirtual(
	path string, makeBlank bool, profile card.Profile, seed string,
) (*OpenCard, error) {
	if err := findCard(path, makeBlank); err != nil {
		return nil, err
	}
	if whole, err := filepath.EvalSymlinks(path); err == nil {
		path = whole // a link stays one, and the lock is one for every name
	}
	_, missing := os.Stat(path + lockSuffix)
	unlock, err := lockCard(path)
	if err != nil {
		return nil, err
	}
	managed, err := openSeeded(card.Options{Profile: profile}, path, seed, card.Open)
	if err != nil {
		if errors.Is(missing, fs.ErrNotExist) { // nothing is left beside what is no card
			err = errors.Join(err, os.Remove(path+lockSuffix))
		}
		return nil, errors.Join(err, unlock())
	}
	return virtualCard(managed, path, unlock, profile), nil
}

// findCard reports why there is no virtual card in a file, and none is made. Errors: [ErrNoCard].
func findCard(path string, makeBlank bool) error {
	switch info, err := os.Stat(path); {
	case err == nil && info.IsDir():
		return fmt.Errorf("%w %s: it is a folder: name a file", ErrNoCard, path)
	case errors.Is(err, fs.ErrNotExist) && !makeBlank:
		return fmt.Errorf("%w %s: make a blank one with \"ekrona card new %s\"",
			ErrNoCard, path, path)
	}
	return nil
}

// openCopied opens a copy in memory of the virtual card in a file. It makes none.
func openCopied(path string, _ bool, profile card.Profile, seed string) (*OpenCard, error) {
	if err := findCard(path, false); err != nil {
		return nil, err
	}
	managed, err := openSeeded(card.Options{Profile: profile}, path, seed, card.Restore)
	if err != nil {
		return nil, err
	}
	return virtualCard(managed, path, func() error { return nil }, profile), nil
}

// virtualCard is an open card of a profile.
func virtualCard(
	managed *globalplatform.Card, path string, unlock func() error, profile card.Profile,
) *OpenCard {
	opened := &OpenCard{
		ATR: managed.ATR(), Where: path, Reset: managed.Reset, Close: unlock,
		ExtendedLength: profile.ExtendedLength, Bytes: managed.TransmitBytes, Virtual: managed,
	}
	opened.LastATR = func() []byte { return opened.ATR }
	opened.through(managed)
	return opened
}

// OpenCopy is a virtual card of a profile that a command has made for itself, with what the flags
// want recorded.
func (f *CardFlags) OpenCopy(
	c *cobra.Command, managed *globalplatform.Card, where string, profile card.Profile,
) (*OpenCard, error) {
	opened := virtualCard(managed, where, func() error { return nil }, profile)
	return opened, f.record(c, opened)
}

// OpenManaged opens the virtual card in a file, with its security domain, and resets it.
func OpenManaged(options card.Options, path string) (*globalplatform.Card, error) {
	return openSeeded(options, path, "", card.Open)
}

// openSeeded is OpenManaged with randomness that repeats, if a seed is given.
func openSeeded(
	options card.Options, path, seed string,
	open func(options card.Options, path string) (*card.Card, error),
) (*globalplatform.Card, error) {
	managed, err := shell.Seeded(options, seed, func(options card.Options) (*card.Card, error) {
		return open(options, path)
	})
	if err != nil {
		return nil, err
	}
	return managed, managed.Reset()
}

// lockSuffix is what the name of a lock file has behind that of the card's file.
const lockSuffix = ".lock"

// lockCard keeps other programs away from the virtual card in a file, by a lock file beside
// it.
func lockCard(path string) (unlock func() error, err error) {
	unlock, err = lockfile.Take(path + lockSuffix)
	switch {
	case errors.Is(err, lockfile.ErrTaken):
		return nil, fmt.Errorf(
			"virtual card %s: %w; or use the card through that program's reader", path, err)
	case err != nil:
		return nil, fmt.Errorf("virtual card %s: %w", path, err)
	}
	return unlock, nil
}
