//! The same two programs in every language: a greeting, and one that counts words, sorts, and sieves.

/** What one language is tested with. */
export interface Programs {
  /** Reads a line and greets. */
  hello: string;
  /** Reads words: prints how often each is there, sorted by that and by name, and how many primes are below 10,000. */
  count: string;
  /** Prints its arguments, one a line, and then the variable GREETING. */
  args: string;
  /** Ends with 7 after writing "bad" to standard error. */
  fails: string;
  /** Never ends. */
  loops: string;
  /** Takes memory until there is no more. */
  grows: string;
}

export const programs: Record<string, Programs> = {
  bash: {
    hello: 'read -r name\necho "Hello, $name!"\n',
    count: `declare -A seen
while read -r word; do seen[$word]=$((seen[$word] + 1)); done
for word in "\${!seen[@]}"; do echo "$word \${seen[$word]}"; done | sort -k2,2nr -k1,1
n=10000
for ((i = 2; i < n; i++)); do
  if [[ -z \${composite[i]} ]]; then
    primes=$((primes + 1))
    for ((j = i * i; j < n; j += i)); do composite[j]=1; done
  fi
done
echo "$primes primes"
`,
    args: 'for arg in "$@"; do echo "$arg"; done\necho "$GREETING"\n',
    fails: "echo bad >&2\nexit 7\n",
    loops: "while :; do :; done\n",
    grows: 'text=0123456789abcdef\nwhile :; do text="$text$text"; done\n',
  },
  perl: {
    hello: 'chomp(my $name = <STDIN>);\nprint "Hello, $name!\\n";\n',
    count: `use strict;
use warnings;
my %seen;
while (my $word = <STDIN>) { chomp $word; $seen{$word}++; }
for my $word (sort { $seen{$b} <=> $seen{$a} || $a cmp $b } keys %seen) {
  print "$word $seen{$word}\\n";
}
my ($n, $primes, @composite) = (10000, 0);
for my $i (2 .. $n - 1) {
  next if $composite[$i];
  $primes++;
  for (my $j = $i * $i; $j < $n; $j += $i) { $composite[$j] = 1; }
}
print "$primes primes\\n";
`,
    args: 'print "$_\\n" for @ARGV;\nprint "$ENV{GREETING}\\n";\n',
    fails: 'print STDERR "bad\\n";\nexit 7;\n',
    loops: "1 while 1;\n",
    grows: 'my @all;\npush @all, "x" x 1000000 while 1;\n',
  },
  lua: {
    hello: 'local name = io.read("l")\nprint("Hello, " .. name .. "!")\n',
    count: `local seen, words = {}, {}
for word in io.lines() do
  if not seen[word] then words[#words + 1] = word end
  seen[word] = (seen[word] or 0) + 1
end
table.sort(words, function(a, b) return seen[a] > seen[b] or (seen[a] == seen[b] and a < b) end)
for _, word in ipairs(words) do print(word .. " " .. seen[word]) end
local n, primes, composite = 10000, 0, {}
for i = 2, n - 1 do
  if not composite[i] then
    primes = primes + 1
    for j = i * i, n - 1, i do composite[j] = true end
  end
end
print(primes .. " primes")
`,
    args: 'for _, value in ipairs(arg) do print(value) end\nprint(os.getenv("GREETING"))\n',
    fails: 'io.stderr:write("bad\\n")\nos.exit(7)\n',
    loops: "while true do end\n",
    grows: 'local all = {}\nwhile true do all[#all + 1] = string.rep("x", 1000000) .. #all end\n',
  },
  php: {
    hello: '<?php\n$name = trim(fgets(STDIN));\necho "Hello, $name!\\n";\n',
    count: `<?php
declare(strict_types=1);
$seen = [];
while (($line = fgets(STDIN)) !== false) {
    $word = trim($line);
    $seen[$word] = ($seen[$word] ?? 0) + 1;
}
ksort($seen);
arsort($seen);
foreach ($seen as $word => $count) {
    echo "$word $count\\n";
}
$n = 10000;
$primes = 0;
$composite = array_fill(0, $n, false);
for ($i = 2; $i < $n; $i++) {
    if ($composite[$i]) continue;
    $primes++;
    for ($j = $i * $i; $j < $n; $j += $i) $composite[$j] = true;
}
echo mb_strtolower("$primes PRIMES"), "\\n";
`,
    args: '<?php\nforeach (array_slice($argv, 1) as $arg) echo "$arg\\n";\necho getenv("GREETING"), "\\n";\n',
    fails: '<?php\nfwrite(STDERR, "bad\\n");\nexit(7);\n',
    loops: "<?php\nwhile (true);\n",
    grows: '<?php\nini_set("memory_limit", "-1");\n$all = [];\nwhile (true) $all[] = str_repeat("x", 1000000);\n',
  },
  ruby: {
    hello: 'name = gets.chomp\nputs "Hello, #{name}!"\n',
    count: `require "set"
seen = Hash.new(0)
while (line = gets)
  seen[line.chomp] += 1
end
seen.sort_by { |word, count| [-count, word] }.each { |word, count| puts "#{word} #{count}" }
n = 10_000
composite = Set.new
primes = (2...n).count do |i|
  next false if composite.include?(i)
  (i * i).step(n - 1, i) { |j| composite << j }
  true
end
puts "#{primes} primes"
`,
    args: 'puts ARGV\nputs ENV["GREETING"]\n',
    fails: 'warn "bad"\nexit 7\n',
    loops: "loop {}\n",
    grows: 'all = []\nloop { all << "x" * 1_000_000 }\n',
  },
  c: {
    hello: '#include <stdio.h>\n#include <string.h>\nint main(void) {\n  char name[100];\n  if (!fgets(name, sizeof name, stdin)) return 1;\n  name[strcspn(name, "\\n")] = 0;\n  printf("Hello, %s!\\n", name);\n}\n',
    count: `#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry { char word[32]; int count; };
static struct entry all[100];
static int entries;

static int compare(const void *a, const void *b) {
  const struct entry *x = a, *y = b;
  if (x->count != y->count) return y->count - x->count;
  return strcmp(x->word, y->word);
}

static void add(const char *word) {
  for (int i = 0; i < entries; i++) {
    if (strcmp(all[i].word, word) == 0) { all[i].count++; return; }
  }
  strcpy(all[entries].word, word);
  all[entries++].count = 1;
}

int main(void) {
  char word[32];
  while (scanf("%31s", word) == 1) add(word);
  qsort(all, entries, sizeof *all, compare);
  for (int i = 0; i < entries; i++) printf("%s %d\\n", all[i].word, all[i].count);
  enum { n = 10000 };
  static char composite[n];
  int primes = 0;
  for (int i = 2; i < n; i++) {
    if (composite[i]) continue;
    primes++;
    for (int j = i * i; j < n; j += i) composite[j] = 1;
  }
  printf("%d primes\\n", (int)sqrt((double)primes * primes));
}
`,
    args: '#include <stdio.h>\n#include <stdlib.h>\nint main(int argc, char **argv) {\n  for (int i = 1; i < argc; i++) puts(argv[i]);\n  puts(getenv("GREETING"));\n}\n',
    fails: '#include <stdio.h>\nint main(void) { fputs("bad\\n", stderr); return 7; }\n',
    loops: "int main(void) { for (volatile int i = 0;; i++); }\n",
    grows: '#include <stdlib.h>\n#include <string.h>\nint main(void) { for (;;) { char *p = malloc(1 << 20); if (p) memset(p, 1, 1 << 20); } }\n',
  },
  cpp: {
    hello: '#include <iostream>\n#include <string>\nint main() {\n  std::string name;\n  std::getline(std::cin, name);\n  std::cout << "Hello, " << name << "!\\n";\n}\n',
    count: `#include <algorithm>
#include <iostream>
#include <map>
#include <string>
#include <vector>

int main() {
  std::map<std::string, int> seen;
  for (std::string word; std::cin >> word;) ++seen[word];
  std::vector<std::pair<std::string, int>> all(seen.begin(), seen.end());
  std::ranges::stable_sort(all, [](auto &a, auto &b) { return a.second > b.second; });
  for (const auto &[word, count] : all) std::cout << word << ' ' << count << '\\n';
  constexpr int n = 10'000;
  std::vector<bool> composite(n);
  int primes = 0;
  for (int i = 2; i < n; ++i) {
    if (composite[i]) continue;
    ++primes;
    for (int j = i * i; j < n; j += i) composite[j] = true;
  }
  std::cout << primes << " primes\\n";
}
`,
    args: '#include <cstdlib>\n#include <iostream>\nint main(int argc, char **argv) {\n  for (int i = 1; i < argc; i++) std::cout << argv[i] << "\\n";\n  std::cout << std::getenv("GREETING") << "\\n";\n}\n',
    fails: '#include <iostream>\nint main() { std::cerr << "bad\\n"; return 7; }\n',
    loops: "int main() { for (volatile int i = 0;;) i = 1; }\n",
    grows: '#include <vector>\n#include <string>\nint main() { std::vector<std::string> all; for (;;) all.emplace_back(1000000, \'x\'); }\n',
  },
  go: {
    hello: 'package main\n\nimport (\n\t"bufio"\n\t"fmt"\n\t"os"\n\t"strings"\n)\n\nfunc main() {\n\tline, _ := bufio.NewReader(os.Stdin).ReadString(\'\\n\')\n\tfmt.Printf("Hello, %s!\\n", strings.TrimSpace(line))\n}\n',
    count: `package main

import (
	"bufio"
	"fmt"
	"os"
	"sort"
)

func main() {
	seen := map[string]int{}
	scanner := bufio.NewScanner(os.Stdin)
	for scanner.Scan() {
		seen[scanner.Text()]++
	}
	words := make([]string, 0, len(seen))
	for word := range seen {
		words = append(words, word)
	}
	sort.Slice(words, func(i, j int) bool {
		a, b := words[i], words[j]
		return seen[a] > seen[b] || seen[a] == seen[b] && a < b
	})
	for _, word := range words {
		fmt.Println(word, seen[word])
	}
	const n = 10000
	composite := make([]bool, n)
	primes := 0
	for i := 2; i < n; i++ {
		if composite[i] {
			continue
		}
		primes++
		for j := i * i; j < n; j += i {
			composite[j] = true
		}
	}
	fmt.Println(primes, "primes")
}
`,
    args: 'package main\n\nimport (\n\t"fmt"\n\t"os"\n)\n\nfunc main() {\n\tfor _, arg := range os.Args[1:] {\n\t\tfmt.Println(arg)\n\t}\n\tfmt.Println(os.Getenv("GREETING"))\n}\n',
    fails: 'package main\n\nimport "os"\n\nfunc main() {\n\tos.Stderr.WriteString("bad\\n")\n\tos.Exit(7)\n}\n',
    loops: "package main\n\nfunc main() {\n\tfor {\n\t}\n}\n",
    grows: 'package main\n\nvar all [][]byte\n\nfunc main() {\n\tfor {\n\t\tpiece := make([]byte, 1<<20)\n\t\tfor i := range piece {\n\t\t\tpiece[i] = 1\n\t\t}\n\t\tall = append(all, piece)\n\t}\n}\n',
  },
  java: {
    hello: 'import java.util.Scanner;\n\npublic class Main {\n    public static void main(String[] args) {\n        String name = new Scanner(System.in).nextLine();\n        System.out.println("Hello, " + name + "!");\n    }\n}\n',
    count: `import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.Comparator;
import java.util.Map;
import java.util.TreeMap;

public class Main {
    record Entry(String word, int count) {}

    public static void main(String[] args) throws IOException {
        Map<String, Integer> seen = new TreeMap<>();
        var input = new BufferedReader(new InputStreamReader(System.in));
        for (String word; (word = input.readLine()) != null;) {
            seen.merge(word, 1, Integer::sum);
        }
        seen.entrySet().stream()
            .map(entry -> new Entry(entry.getKey(), entry.getValue()))
            .sorted(Comparator.comparingInt(Entry::count).reversed())
            .forEach(entry -> System.out.println(entry.word() + " " + entry.count()));
        int n = 10_000, primes = 0;
        boolean[] composite = new boolean[n];
        for (int i = 2; i < n; i++) {
            if (composite[i]) continue;
            primes++;
            for (int j = i * i; j < n; j += i) composite[j] = true;
        }
        System.out.println(primes + " primes");
    }
}
`,
    args: 'public class Main {\n    public static void main(String[] args) {\n        for (String arg : args) System.out.println(arg);\n        System.out.println(System.getenv("GREETING"));\n    }\n}\n',
    fails: 'public class Main {\n    public static void main(String[] args) {\n        System.err.println("bad");\n        System.exit(7);\n    }\n}\n',
    loops: "public class Main {\n    public static void main(String[] args) {\n        while (true);\n    }\n}\n",
    grows: 'import java.nio.ByteBuffer;\nimport java.util.ArrayList;\n\npublic class Main {\n    public static void main(String[] args) throws Exception {\n        var all = new ArrayList<byte[]>();\n        while (true) all.add(new byte[1 << 20]);\n    }\n}\n',
  },
  rust: {
    hello: 'use std::io;\n\nfn main() {\n    let mut name = String::new();\n    io::stdin().read_line(&mut name).expect("a line");\n    println!("Hello, {}!", name.trim());\n}\n',
    count: `use std::collections::HashMap;
use std::io::{self, BufRead};

fn main() {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for line in io::stdin().lock().lines() {
        *seen.entry(line.expect("a line")).or_default() += 1;
    }
    let mut all: Vec<_> = seen.into_iter().collect();
    all.sort_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
    for (word, count) in &all {
        println!("{word} {count}");
    }
    let n = 10_000;
    let mut composite = vec![false; n];
    let mut primes = 0;
    for i in 2..n {
        if composite[i] {
            continue;
        }
        primes += 1;
        for j in (i * i..n).step_by(i) {
            composite[j] = true;
        }
    }
    println!("{primes} primes");
}
`,
    args: 'fn main() {\n    for arg in std::env::args().skip(1) {\n        println!("{arg}");\n    }\n    println!("{}", std::env::var("GREETING").unwrap());\n}\n',
    fails: 'fn main() {\n    eprintln!("bad");\n    std::process::exit(7);\n}\n',
    loops: "fn main() {\n    loop {\n        std::hint::spin_loop();\n    }\n}\n",
    grows: "fn main() {\n    let mut all = Vec::new();\n    loop {\n        all.push(vec![1u8; 1 << 20]);\n    }\n}\n",
  },
};
