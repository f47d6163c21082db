package simulator

import (
	"encoding/json"
	"fmt"
	"os"

	"ekrona.example/host/durable"
)

// Keep writes the scenario to a file, to be played again by tests.
func (s Scenario) Keep(path string) error {
	content, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return fmt.Errorf("scenario: %w", err)
	}
	if err := os.WriteFile(path, append(content, '\n'), 0o644); err != nil {
		return fmt.Errorf("scenario: %w", err)
	}
	return nil
}

// ReadScenario reads a scenario that was kept.
func ReadScenario(path string) (Scenario, error) {
	content, err := durable.Read(path)
	if err != nil {
		return Scenario{}, fmt.Errorf("scenario: %w", err)
	}
	var s Scenario
	if err := json.Unmarshal(content, &s); err != nil {
		return Scenario{}, fmt.Errorf("scenario %s: %w: give a file that was written by --keep",
			path, err)
	}
	if s.People < 1 || s.Terminals < 1 {
		return Scenario{}, fmt.Errorf(
			"scenario %s has %d people and %d terminals: it needs one of each at least", path,
			s.People, s.Terminals)
	}
	return s, nil
}
