package matcher_test
import ("testing";"time";"math/rand/v2")
func TestZZ(t *testing.T){
  for _, n := range []int{100000, 1000000} {
  c := newCorpus(n, rand.New(rand.NewPCG(1,2)))
  for range 2 { s:=time.Now(); build(c.patterns); t.Log(n, time.Since(s)) }
  }
}
