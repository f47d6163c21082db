package centralbank

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/host/remote/remotetest"
	"ekrona.example/host/service"
)

// TestDocumentIsTheServices: the committed OpenAPI document is the one that is served, made from
// the types of the calls.
func TestDocumentIsTheServices(t *testing.T) {
	document, err := service.Document(Title, Endpoints(nil, nil))
	require.NoError(t, err)
	remotetest.Golden(t, "openapi.json", string(document))
}
