#!/usr/bin/env bash
# Fetches what the stories need on Debian 12 with Go: Chromium, the OpenID
# providers, toxiproxy, and nginx of three Debian releases, each unpacked into
# build/e2e/ with its libraries. Does nothing where all is there.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(chromium libnss3-tools
	lemonldap-ng-fastcgi-server liblemonldap-ng-portal-perl
	# The portal does not start without these, though Debian only recommends them.
	libstring-random-perl libmime-tools-perl libemail-sender-perl libio-string-perl
	libconvert-base32-perl libcrypt-openssl-bignum-perl
	redis-server
	caddy haproxy systemd
	zsh fish mandoc # what completions and the manual page are for
	prometheus # promtool too: the alerts and the dashboard are held to them
	# What glewlwyd is linked with.
	libcbor0.8 libconfig9 libhoel1.4 libiddawc1.1 libldap-2.5-0 liboath0 librhonabwy1.1 libulfius2.7 sqlite3)
command -v node >/dev/null || packages+=(nodejs)
command -v npm >/dev/null || packages+=(npm)
.ci/install "${packages[@]}"

if ! cmp --silent e2e/provider/package-lock.json build/e2e/package-lock.json || [ ! -d e2e/provider/node_modules ]; then
	(cd e2e/provider && npm ci --silent --no-audit --no-fund)
	mkdir -p build/e2e
	cp e2e/provider/package-lock.json build/e2e/package-lock.json
fi

# Debian 12's own Node is too old for oidc-provider; npm has newer ones.
if ! node --eval 'if (!URL.parse) process.exit(1)' && [ ! -x build/e2e/node/node_modules/node/bin/node ]; then
	mkdir -p build/e2e/node
	npm install --silent --no-audit --no-fund --prefix build/e2e/node node@22
fi

# glewlwyd is unpacked and not installed: its installation asks for a database.
if [ ! -e build/e2e/glewlwyd/complete ]; then
	echo "fetching glewlwyd"
	rm -rf build/e2e/glewlwyd
	mkdir -p build/e2e/glewlwyd
	(
		cd build/e2e/glewlwyd
		fetch() { apt-get -qq -o APT::Sandbox::User=root download glewlwyd; }
		fetch 2>/dev/null || { apt-get -qq update && fetch; }
		dpkg-deb --extract glewlwyd_*.deb .
		rm glewlwyd_*.deb
		touch complete
	)
fi

# fail2ban is unpacked and not installed: its installation is that of a daemon.
if [ ! -e build/e2e/fail2ban/complete ]; then
	echo "fetching fail2ban"
	.ci/install python3
	rm -rf build/e2e/fail2ban
	mkdir -p build/e2e/fail2ban
	(
		cd build/e2e/fail2ban
		fetch() { apt-get -qq -o APT::Sandbox::User=root download fail2ban; }
		fetch 2>/dev/null || { apt-get -qq update && fetch; }
		dpkg-deb --extract fail2ban_*.deb .
		rm fail2ban_*.deb
		touch complete
	)
fi

# Providers that come as Go libraries. The stories build them again where there
# is no network: all that they are made of has to be here by then.
mkdir -p build/e2e/bin
go -C e2e/provider build -buildvcs=false -o ../../build/e2e/bin/ ./...

# toxiproxy stands between the Redis store's tests and their servers. It is a
# program here: as a library it would bring some fifteen modules into go.mod.
if [ ! -x build/e2e/toxiproxy/server ]; then
	echo "building toxiproxy"
	GOBIN=$PWD/build/e2e/toxiproxy go install github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0
fi

# nginx_of RELEASE: apt resolves against an empty list of installed packages, so
# that the folder gets the whole closure, libc included. Nothing is installed.
nginx_of() {
	local root=$PWD/build/e2e/$1 apt=$PWD/build/e2e/apt-$1 keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	[ ! -e "$root/complete" ] || return 0
	echo "fetching nginx of Debian $1"
	rm -rf "$root" "$apt"
	mkdir -p "$root" "$apt/lists/partial" "$apt/cache/archives/partial"
	: >"$apt/status"
	echo "deb [signed-by=$keyring] http://deb.debian.org/debian $1 main" >"$apt/sources.list"
	local options=(-o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
		-o "Dir::State::Lists=$apt/lists" -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt/cache"
		-o APT::Install-Recommends=0 -o Debug::NoLocking=1 -o Dpkg::Use-Pty=0 -o APT::Sandbox::User=root)
	apt-get "${options[@]}" -qq update &&
		apt-get "${options[@]}" -qq --yes --download-only install nginx libnginx-mod-http-set-misc >/dev/null || return
	local package
	for package in "$apt"/cache/archives/*.deb; do
		dpkg-deb --extract "$package" "$root" || return
	done
	rm -rf "$apt"

	# Where the libraries look for each other, the accounts that nginx asks for,
	# and the modules in the order that they need one another.
	local link
	for link in bin sbin lib lib64; do
		[ -e "$root/$link" ] || ln -s "usr/$link" "$root/$link"
	done
	printf 'root:x:0:0::/:/bin/sh\nwww-data:x:33:33::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' >"$root/etc/passwd"
	printf 'root:x:0:\nwww-data:x:33:\nnogroup:x:65534:\n' >"$root/etc/group"
	mkdir -p "$root/etc/nginx/modules" "$root/etc/nginx/http.d" "$root/etc/nginx/conf.d"
	cp "$root/usr/share/nginx/modules-available/mod-http-ndk.conf" "$root/etc/nginx/modules/10-ndk.conf" &&
		cp "$root/usr/share/nginx/modules-available/mod-http-set-misc.conf" "$root/etc/nginx/modules/20-set-misc.conf" &&
		chroot "$root" /usr/sbin/nginx -v && touch "$root/complete"
}

nginx_of bookworm
nginx_of trixie
# Debian's next release moves: the stories say so where they cannot have it.
nginx_of forky || echo "nginx of Debian forky is not to be had: its stories will be skipped" >&2

# Valkey, which Debian 12 has among its backports alone. It needs what Redis
# does, so it is unpacked and not installed.
if [ ! -e build/e2e/valkey/complete ]; then
	echo "fetching Valkey"
	apt=$PWD/build/e2e/apt-valkey
	rm -rf build/e2e/valkey "$apt"
	mkdir -p build/e2e/valkey "$apt/lists/partial" "$apt/cache/archives/partial"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm-backports main" >"$apt/sources.list"
	options=(-o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$apt/lists"
		-o "Dir::Cache=$apt/cache" -o Debug::NoLocking=1 -o APT::Sandbox::User=root)
	apt-get "${options[@]}" -qq update
	# The server and its tools are one program under several names.
	(cd build/e2e/valkey && apt-get "${options[@]}" -qq download valkey-server valkey-tools && for package in ./*.deb; do dpkg-deb --extract "$package" .; done && rm ./*.deb)
	rm -rf "$apt"
	build/e2e/valkey/usr/bin/valkey-server --version
	touch build/e2e/valkey/complete
fi
