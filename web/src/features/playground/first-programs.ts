//! What each language begins with. A language that is not here begins empty.

/** A first program by language: it counts to three and greets. */
export const FIRST: Record<string, string> = {
  python: 'name = input("Who is there? ") or "world"\nprint()\nfor number in range(1, 4):\n    print(f"{number}: Hello, {name}")\n',
  javascript: 'for (const number of [1, 2, 3]) {\n  console.log(`${number}: Hello, world`);\n}\n',
  bash: 'for number in 1 2 3; do\n  echo "$number: Hello, world"\ndone\n',
  perl: 'for my $number (1 .. 3) {\n    print "$number: Hello, world\\n";\n}\n',
  lua: 'for number = 1, 3 do\n  print(number .. ": Hello, world")\nend\n',
  php: '<?php\nforeach ([1, 2, 3] as $number) {\n    echo "$number: Hello, world\\n";\n}\n',
  ruby: '(1..3).each do |number|\n  puts "#{number}: Hello, world"\nend\n',
  c: '#include <stdio.h>\n\nint main(void) {\n  for (int number = 1; number <= 3; number++) printf("%d: Hello, world\\n", number);\n}\n',
  cpp: '#include <iostream>\n\nint main() {\n  for (int number = 1; number <= 3; ++number) std::cout << number << ": Hello, world\\n";\n}\n',
  go: 'package main\n\nimport "fmt"\n\nfunc main() {\n\tfor number := 1; number <= 3; number++ {\n\t\tfmt.Printf("%d: Hello, world\\n", number)\n\t}\n}\n',
  java: 'public class Main {\n  public static void main(String[] args) {\n    for (int number = 1; number <= 3; number++) System.out.println(number + ": Hello, world");\n  }\n}\n',
  rust: 'fn main() {\n    for number in 1..=3 {\n        println!("{number}: Hello, world");\n    }\n}\n',
};
