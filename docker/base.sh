#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Make the base image from the Debian archive, for a site whose engine reaches no image registry:
#   docker/base.sh && export NICRIG_BASE=nicrig-base
# As root; needs mmdebstrap. It copies this host's own certificate authorities, for networks that intercept TLS.
set -eu
name=${1:-nicrig-base}
authorities=/usr/local/share/ca-certificates

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/ca-certificates"
[ ! -d "$authorities" ] || cp -rL "$authorities/." "$work/ca-certificates"

mmdebstrap --quiet --variant=minbase --include=ca-certificates \
	--aptopt='Apt::Install-Recommends "false"' --dpkgopt=force-unsafe-io \
	--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
	--customize-hook="copy-in '$work/ca-certificates' /usr/local/share" \
	--customize-hook='chroot "$1" update-ca-certificates >/dev/null' \
	trixie "$work/base.tar" \
	'deb http://deb.debian.org/debian trixie main' \
	'deb http://deb.debian.org/debian-security trixie-security main'
docker import "$work/base.tar" "$name" >/dev/null
echo "$name"
