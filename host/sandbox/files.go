package sandbox

import (
	"encoding/json"
	"fmt"

	"ekrona.example/host/durable"
)

// readJSON reads what writeJSON wrote.
func readJSON(path string, into any) error {
	content, err := durable.Read(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("%s is damaged: restore it from its backup", path)
	}
	return nil
}

func writeJSON(path string, v any) error {
	content, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return durable.Replace(path, append(content, '\n'), durable.OwnerOnly)
}
