package centralbank

import (
	"context"

	"ekrona.example/host/party"
)

// BackUp writes a copy of the database of a central bank's folder, also while it works. The keys
// are not in it. What the notary acknowledges after it is not in it either: only a database that
// has everything acknowledged may be taken in its place.
func BackUp(ctx context.Context, path, to string) error {
	s, err := ReadSettings(path)
	if err != nil {
		return err
	}
	return party.Peek(path).BackUp(ctx, s.Database, to)
}
