package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

// The objects are what Kubernetes' own types say that they are, to the field; pods
// pass the policy "restricted", as its own evaluator judges.
func TestKubernetes(t *testing.T) {
	pods := 0
	for _, file := range []string{"outpost.yaml", "ingress.yaml"} {
		for document := range strings.SplitSeq(read(t, "deploy/kubernetes/"+file), "\n---\n") {
			var kind struct{ Kind string }
			if err := yaml.Unmarshal([]byte(document), &kind); err != nil {
				t.Fatal(err)
			}
			object := map[string]any{
				"Namespace": &corev1.Namespace{}, "ConfigMap": &corev1.ConfigMap{}, "Deployment": &appsv1.Deployment{}, "Service": &corev1.Service{},
				"PodDisruptionBudget": &policyv1.PodDisruptionBudget{}, "NetworkPolicy": &networkingv1.NetworkPolicy{}, "Ingress": &networkingv1.Ingress{},
			}[kind.Kind]
			if object == nil {
				t.Fatalf("%s: kind %q is unknown here", file, kind.Kind)
			}
			if err := yaml.UnmarshalStrict([]byte(document), object); err != nil {
				t.Errorf("%s: %s: %v", file, kind.Kind, err)
			}
			switch o := object.(type) {
			case *appsv1.Deployment:
				pods++
				judgePod(t, &o.Spec.Template)
			case *corev1.ConfigMap:
				if text := o.Data["outpost.yaml"]; text != "" {
					wantConfiguration(t, text)
				}
			}
		}
	}
	if pods != 1 {
		t.Errorf("%d deployments", pods)
	}
	if got := strings.Join(all(`(?m)^apiVersion: (\S+)$`, read(t, "deploy/kubernetes/servicemonitor.yaml")), " "); got != "monitoring.coreos.com/v1" {
		t.Errorf("ServiceMonitor: %s", got)
	}
}

func judgePod(t *testing.T, pod *corev1.PodTemplateSpec) {
	t.Helper()
	judge, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range judge.EvaluatePod(api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}, &pod.ObjectMeta, &pod.Spec) {
		if !result.Allowed {
			t.Errorf("restricted: %s: %s", result.ForbiddenReason, result.ForbiddenDetail)
		}
	}
	c := pod.Spec.Containers[0]
	if !*c.SecurityContext.ReadOnlyRootFilesystem || c.ReadinessProbe.HTTPGet.Path != "/-/ready" || c.LivenessProbe.HTTPGet.Path != "/-/healthy" {
		t.Errorf("%+v", c)
	}
}

// wantConfiguration has the outpost itself check a configuration, with values in the
// place of secret files.
func wantConfiguration(t *testing.T, text string) {
	t.Helper()
	text = regexp.MustCompile(`\$\{file:[^}]*\}`).ReplaceAllString(text, "0123456789abcdef0123456789ABCDEFxyz!")
	file := filepath.Join(t.TempDir(), "outpost.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "run", "./cmd/outpost", "check", "-config", file)
	cmd.Dir = root
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("outpost check: %v\n%s", err, output)
	}
}
