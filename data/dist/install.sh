#!/bin/sh
# Installs claude-memory from its unpacked archive for this user, or takes it away again. Needs no root. Compares every file with its
# checksum, and where GitHub's program `gh` is logged in, the program with the attestation of the release; else it downloads nothing.
#   ./install.sh [--prefix DIR]              default prefix: ~/.local
#   ./install.sh --repo OWNER/NAME           insists on an attestation of that repository
#   ./install.sh --no-attestation            asks for none, for example without network
#   ./install.sh --uninstall [--prefix DIR]  your memory stays; `claude-memory uninstall` first takes it out of Claude Code
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
prefix=${HOME:?}/.local
uninstall=
repository=
attestation=wanted
while [ $# -gt 0 ]; do
  case $1 in
    --prefix) prefix=${2:?"--prefix needs a folder"}; shift 2 ;;
    --uninstall) uninstall=1; shift ;;
    --repo) repository=${2:?"--repo needs OWNER/NAME"}; attestation=needed; shift 2 ;;
    --no-attestation) attestation=; shift ;;
    *) echo "install.sh: unknown argument $1; known: --prefix DIR, --repo OWNER/NAME, --no-attestation, --uninstall" >&2; exit 2 ;;
  esac
done

bash_to=$prefix/share/bash-completion/completions/claude-memory
zsh_to=$prefix/share/zsh/site-functions/_claude-memory
fish_to=$prefix/share/fish/vendor_completions.d/claude-memory.fish

if [ -n "$uninstall" ]; then
  rm -f "$prefix/bin/claude-memory" "$bash_to" "$zsh_to" "$fish_to" "$prefix"/share/man/man1/claude-memory*.1
  echo "removed from $prefix; your memory was not touched"
  exit 0
fi

# Every file is what it was when the archive was made.
if command -v sha256sum >/dev/null; then check='sha256sum'; else check='shasum -a 256'; fi
(cd "$here" && $check -c SHA256SUMS >/dev/null) || {
  echo "install.sh: a file differs from SHA256SUMS; nothing was installed, get the archive again" >&2
  exit 1
}

# The program was built by the release workflow of its repository, says GitHub.
[ -n "$repository" ] || [ ! -f "$here/REPOSITORY" ] || repository=$(cat "$here/REPOSITORY")
if [ -z "$attestation" ]; then
  echo "install.sh: no attestation was asked for"
elif [ -z "$repository" ]; then
  echo "install.sh: no attestation: this archive was not made by a release; --repo OWNER/NAME insists on one"
elif command -v gh >/dev/null && gh auth status >/dev/null 2>&1; then
  gh attestation verify "$here/bin/claude-memory" --repo "$repository" \
    --signer-workflow "$repository/.github/workflows/release.yml" >/dev/null || {
    echo "install.sh: $repository has not attested this program; nothing was installed. Without network: --no-attestation" >&2
    exit 1
  }
  echo "built by a release of $repository, as its attestation says"
elif [ "$attestation" = needed ]; then
  echo "install.sh: an attestation needs GitHub's program gh, logged in (gh auth login); nothing was installed" >&2
  exit 1
else
  echo "install.sh: no attestation was compared: GitHub's program gh is not here or not logged in"
fi
"$here/bin/claude-memory" --version >/dev/null || {
  echo "install.sh: this archive is for another kind of machine; nothing was installed" >&2
  exit 1
}

put() { # mode, from, to: appears as a whole, also while the old one runs
  mkdir -p "$(dirname "$3")"
  cp "$2" "$3.new"
  chmod "$1" "$3.new"
  mv -f "$3.new" "$3"
}
put 755 "$here/bin/claude-memory" "$prefix/bin/claude-memory"
put 644 "$here/completions/claude-memory.bash" "$bash_to"
put 644 "$here/completions/_claude-memory" "$zsh_to"
put 644 "$here/completions/claude-memory.fish" "$fish_to"
for page in "$here"/man/*.1; do put 644 "$page" "$prefix/share/man/man1/${page##*/}"; done

echo "installed $("$prefix/bin/claude-memory" --version) in $prefix"
case ":$PATH:" in
  *":$prefix/bin:"*) echo "next: claude-memory init" ;;
  *) echo "next: put $prefix/bin into PATH, then: claude-memory init" ;;
esac
