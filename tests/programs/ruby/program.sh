#!/usr/bin/env bash
# `program.sh WAY BUCKET`
exec ruby "${0%/*}/program.rb" "$@"
