package deploy

import (
	"encoding/xml"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// The compose file is what Docker Compose's own loader takes, and the service is
// that of README's second step, hardening and all, with a file in the place of variables.
func TestCompose(t *testing.T) {
	load := func(text string) *types.Project {
		t.Helper()
		project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
			WorkingDir: "/srv", ConfigFiles: []types.ConfigFile{{Filename: "compose.yaml", Content: []byte(text)}},
		}, func(o *loader.Options) { o.SetProjectName("outpost", true) })
		if err != nil {
			t.Fatal(err)
		}
		return project
	}
	_, step, ok := strings.Cut(read(t, "README.md"), "   services:\n     outpost:\n")
	if !ok {
		t.Fatal("README.md has no compose service")
	}
	step, _, _ = strings.Cut(step, "   ```")
	ours, readme := load(read(t, "deploy/compose/compose.yaml")), load(strings.ReplaceAll("   services:\n     outpost:\n"+step, "\n   ", "\n")[3:])
	a, b := ours.Services["outpost"], readme.Services["outpost"]
	if a.User != b.User || !a.ReadOnly || !b.ReadOnly || !slices.Equal(a.CapDrop, b.CapDrop) || !slices.Equal(a.SecurityOpt, b.SecurityOpt) || len(a.Ports) != 0 {
		t.Errorf("ours %+v\nREADME's %+v", a, b)
	}
	mounts := func(s types.ServiceConfig) (all []string) {
		for _, v := range s.Volumes {
			all = append(all, v.Source+" "+v.Target)
		}
		return all
	}
	// README's has variables in the place of the file.
	if file := " /config/outpost.yaml"; len(mounts(a)) != 2 || !strings.HasSuffix(mounts(a)[0], file) || !slices.Equal(mounts(a)[1:], mounts(b)) || len(b.Environment) != 5 || readme.Secrets["oidc"].File == "" {
		t.Errorf("mounts: ours %q, README's %q", mounts(a), mounts(b))
	}
	read(t, "nginx/outpost.subdomain.conf") // which the file's head names
}

// The template is well-formed, and its targets are those of the image.
func TestUnraid(t *testing.T) {
	text, image := read(t, "deploy/unraid/outpost.xml"), read(t, "Dockerfile")
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	var configs struct {
		Config []struct {
			Target string `xml:"Target,attr"`
			Type   string `xml:"Type,attr"`
		} `xml:"Config"`
	}
	if err := xml.Unmarshal([]byte(text), &configs); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, `<Container version="2">`) || !strings.Contains(text, "<Privileged>false</Privileged>") {
		t.Error("it is no template of version 2 without privileges")
	}
	for _, hardening := range []string{"--user=65532:65532", "--read-only", "--cap-drop=ALL", "no-new-privileges:true"} {
		if !strings.Contains(text, hardening) {
			t.Errorf("%s is missing", hardening)
		}
	}
	targets := map[string]string{}
	for _, c := range configs.Config {
		targets[c.Target] = c.Type
	}
	if targets["/data"] != "Path" || !strings.Contains(image, "VOLUME /data") || targets["/config/outpost.yaml"] != "Path" ||
		targets["OUTPOST_CONFIG"] != "Variable" || strings.Contains(image, "OUTPOST_CONFIG") || !strings.Contains(image, "USER 65532:65532") {
		t.Errorf("%v", targets)
	}
}
