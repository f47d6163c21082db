// Command build-applet builds the CAP files of the project and their manifests;
// scripts/build-applet runs it in the root of the repository.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"ekrona.example/scripts/capbuild"
)

func main() {
	fetch := flag.Bool("fetch", false,
		"get the Java Card kit and ant-javacard from their public repositories first")
	check := flag.Bool("check", false,
		"only check that the committed CAP files fit their manifests and sources")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: scripts/build-applet [--fetch | --check] "+
			"[PACKAGE...]\nwithout a PACKAGE: all of them")
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(context.Background(), *fetch, *check, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "build-applet:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, fetch, check bool, names []string) error {
	packages, err := capbuild.Named(names...)
	if err != nil {
		return err
	}
	if check {
		for _, p := range packages {
			m, err := capbuild.ReadManifest(".", p)
			if err != nil {
				return err
			}
			if err := m.Check(".", p); err != nil {
				return err
			}
		}
		return nil
	}
	if fetch {
		if err := capbuild.Fetch(ctx, os.Stderr); err != nil {
			return err
		}
	}
	tools, err := capbuild.FindTools(ctx)
	if err != nil {
		return err
	}
	built, err := capbuild.Build(ctx, tools, ".", ".", packages)
	if err != nil {
		return err
	}
	for i, m := range built {
		fmt.Printf("%s: %d bytes, SHA-256 %s; %s\n", packages[i].CAP, m.CAP.Size, m.CAP.SHA256,
			m.Verifier)
	}
	return nil
}
