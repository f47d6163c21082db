package link

import (
	"context"
	"fmt"
	"net/url"
	"strings"
)

// CallerHeader names the caller for whom a process passes a request on to another one of its party,
// which knows it by its certificate: the first has identified the caller as the contract asks.
const CallerHeader = "Ekrona-Caller"

// forwardedFor is the key of a caller in a context.
type forwardedFor struct{}

// Forwarded returns a context whose calls are passed on for a caller: the name in a certificate, a
// key, or neither.
func Forwarded(ctx context.Context, name string, k Key) context.Context {
	caller := anybody
	switch {
	case name != "":
		caller = nodeCaller + url.PathEscape(name)
	case k != Key{}:
		caller = k.String()
	}
	return context.WithValue(ctx, forwardedFor{}, caller)
}

func forwarded(ctx context.Context) string {
	caller, _ := ctx.Value(forwardedFor{}).(string)
	return caller
}

const (
	nodeCaller = "node:"
	anybody    = "anybody"
)

// ParseCaller reads the header of a request that was passed on.
func ParseCaller(text string) (name string, k Key, err error) {
	if text == anybody {
		return "", Key{}, nil
	}
	if escaped, is := strings.CutPrefix(text, nodeCaller); is {
		name, err = url.PathUnescape(escaped)
		if err == nil && (name == "" || nodeCaller+url.PathEscape(name) != text ||
			len(text) > maxKeyID) {
			err = fmt.Errorf("caller %q: give %sNAME", text, nodeCaller)
		}
		return name, Key{}, err
	}
	k, err = parseKey(text)
	return "", k, err
}
