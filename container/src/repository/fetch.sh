# Fetches one commit of a repository, and puts its files, or those of a directory of it, where they are exported.
# Runs in a jail of its own. All arguments are data: git, URL, ref, directory or nothing, entries and bytes at most, and nothing or
# the number of commits of a history that comes along.
# How it ends says which step has failed; container/src/repository/ending.rs reads that.
set -u
git=$1 url=$2 ref=$3 directory=$4 most_entries=$5 most_bytes=$6 history=$7
export GIT_DIR=/tmp/repository
# Standard input may have a token, which only the credential helper of git reads: from descriptor 3.
exec 3<&0 </dev/null

"$git" init --quiet --bare --template= "$GIT_DIR" || exit 20
# From standard input, so that no name is taken for an option or for the word "tag".
printf '%s\n' "$ref" | "$git" fetch --quiet --stdin --depth="${history:-1}" --no-tags --no-recurse-submodules --no-auto-maintenance -- "$url" || exit 21
exec 3<&-
commit=$("$git" rev-parse --quiet --verify 'FETCH_HEAD^{commit}') || exit 22
printf '%s\n' "$commit"
# The name stands there if it is that of a branch.
branch=$(sed -n "s/^[0-9a-f]*[[:space:]]*branch '\(.*\)' of .*/\1/p" "$GIT_DIR/FETCH_HEAD")
printf '%s\n' "$branch"

# A tree may name itself many times over, so nothing is written before the entries are counted.
tree=$("$git" rev-parse --quiet --verify "$commit:$directory" 2>/dev/null) || exit 23
[ "$("$git" cat-file -t "$tree" 2>/dev/null)" = tree ] || exit 23
"$git" ls-tree -r -t --format='%(objectsize)' "$tree" | {
  entries=0 bytes=0
  while read -r size; do
    entries=$((entries + 1))
    [ "$entries" -le "$most_entries" ] || exit 24
    # A directory and a submodule have no size.
    [ "$size" = - ] || bytes=$((bytes + size))
    [ "$bytes" -le "$most_bytes" ] || exit 25
  done
} || exit $?

export GIT_INDEX_FILE=/tmp/index
"$git" read-tree "$tree" || exit 26
"$git" --work-tree=/packages checkout-index --all --quiet || exit 26

[ -n "$history" ] || exit 0
# As git-clone(1) leaves it.
"$git" config core.bare false && "$git" config remote.origin.url "$url" || exit 26
"$git" config remote.origin.fetch '+refs/heads/*:refs/remotes/origin/*' || exit 26
if [ -n "$branch" ]; then
  "$git" update-ref "refs/remotes/origin/$branch" "$commit" && "$git" update-ref "refs/heads/$branch" "$commit" || exit 26
  "$git" symbolic-ref HEAD "refs/heads/$branch" || exit 26
  "$git" config "branch.$branch.remote" origin && "$git" config "branch.$branch.merge" "refs/heads/$branch" || exit 26
else
  "$git" update-ref --no-deref HEAD "$commit" || exit 26
fi
rm "$GIT_DIR/FETCH_HEAD" && cp "$GIT_INDEX_FILE" "$GIT_DIR/index" && mv "$GIT_DIR" /packages/.git || exit 26
