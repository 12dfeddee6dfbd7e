package e2e

import (
	"fmt"
	"sync"
	"testing"
)

// TestTabs: a browser that restores eight tabs of a session that has ended gets
// each of them back on its own page.
func TestTabs(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		first := newBrowser(t)
		tabs := []*tab{first}
		for len(tabs) < 8 {
			tabs = append(tabs, first.another())
		}
		var all sync.WaitGroup
		for i, b := range tabs {
			all.Go(func() { b.open(fmt.Sprintf("https://webtop.home.test/tab/%d?own=%d", i, i)) })
		}
		all.Wait()
		for i, b := range tabs {
			if !b.atProvider() {
				t.Fatalf("tab %d is at %s", i, b.url())
			}
		}
		// Not in the order in which they were opened.
		for _, i := range []int{3, 0, 7, 1, 6, 2, 5, 4} {
			tabs[i].signIn(s.provider.admin)
			if want := fmt.Sprintf("https://webtop.home.test/tab/%d?own=%d", i, i); tabs[i].url() != want {
				t.Errorf("tab %d landed on %s\n%s", i, tabs[i].url(), tabs[i].text("body"))
			}
		}
	})
}

// TestTabsAtOnce: the same where the provider still knows the person, so that
// all eight sign-ins come back within a moment.
func TestTabsAtOnce(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		first := newBrowser(t)
		first.open("https://tautulli.test/")
		first.signIn(s.provider.admin)
		tabs := []*tab{first}
		for len(tabs) < 8 {
			tabs = append(tabs, first.another())
		}
		var all sync.WaitGroup
		for i, b := range tabs {
			all.Go(func() { b.open(fmt.Sprintf("https://webtop.home.test/tab/%d", i)) })
		}
		all.Wait()
		for i, b := range tabs {
			if want := fmt.Sprintf("https://webtop.home.test/tab/%d", i); b.url() != want {
				t.Errorf("tab %d landed on %s\n%s", i, b.url(), b.text("body"))
			}
		}
	})
}
