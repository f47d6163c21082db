//go:build cgo

package pkcs11

import (
	"errors"
	"fmt"
	"sync"

	"github.com/miekg/pkcs11"
)

// modules are the libraries in use: a library is initialized once for a process
// (PKCS #11 2.40 base §5.4, C_Initialize), however many keys are open.
var modules = struct {
	sync.Mutex
	open map[string]*module
}{open: map[string]*module{}}

type module struct {
	*pkcs11.Ctx
	path  string
	users int
}

// useModule loads a library, or shares the one that is loaded.
func useModule(path string) (*module, error) {
	modules.Lock()
	defer modules.Unlock()
	if m := modules.open[path]; m != nil {
		m.users++
		return m, nil
	}
	context := pkcs11.New(path)
	if context == nil {
		return nil, fmt.Errorf("%w: %s: not there, or no PKCS#11 library: correct module-path",
			ErrModule, path)
	}
	if err := context.Initialize(); err != nil &&
		!errors.Is(err, pkcs11.Error(pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED)) {
		context.Destroy()
		return nil, fmt.Errorf("%w: %s: %w: is it configured?", ErrModule, path, err)
	}
	m := &module{context, path, 1}
	modules.open[path] = m
	return m, nil
}

// release releases the library; the last user unloads it.
func (m *module) release() error {
	modules.Lock()
	defer modules.Unlock()
	if m.users--; m.users > 0 {
		return nil
	}
	delete(modules.open, m.path)
	err := m.Finalize()
	m.Destroy()
	return err
}

// slot finds the one token that the URI names.
func (m *module) slot(u URI) (uint, error) {
	slots, err := m.GetSlotList(true)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrToken, err)
	}
	var found []uint
	for _, slot := range slots {
		info, err := m.GetTokenInfo(slot)
		if err != nil {
			continue // a token that does not answer is not the one
		}
		if matches(u.Token, info.Label) && matches(u.Serial, info.SerialNumber) &&
			matches(u.Manufacturer, info.ManufacturerID) && matches(u.Model, info.Model) {
			found = append(found, slot)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return 0, fmt.Errorf("%w: %s has none that the URI names", ErrToken, m.path)
	default:
		return 0, fmt.Errorf("%w: %s has %d that the URI names: add serial=", ErrToken, m.path,
			len(found))
	}
}

func matches(wanted, is string) bool { return wanted == "" || wanted == is }
