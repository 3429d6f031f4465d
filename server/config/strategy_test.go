package config_test

import (
	"testing"

	"splitdns/server/config"
)

func TestStrategy(t *testing.T) {
	for text, want := range map[string]config.Strategy{
		"": config.Fastest, "strategy = 'fastest'": config.Fastest, "strategy = 'order'": config.InOrder, "strategy = 'parallel'": config.Parallel,
	} {
		cfg, problems := config.Parse("c.toml", []byte("[upstream.a]\nservers = ['192.0.2.1']\n"+text))
		if len(problems) > 0 || cfg.Upstreams[0].Strategy != want {
			t.Errorf("%s: %v, want %v", text, problems, want)
		}
	}
	_, problems := config.Parse("c.toml", []byte("[upstream.a]\nservers = ['192.0.2.1']\nstrategy = 'paralel'\n"))
	want := `c.toml:3: upstream.a.strategy: "paralel": did you mean "parallel"?`
	if len(problems) != 1 || problems[0].String() != want {
		t.Errorf("%v, want %s", problems, want)
	}
}
