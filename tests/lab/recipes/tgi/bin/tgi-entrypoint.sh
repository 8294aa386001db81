#!/bin/bash
# As the real image's: the launcher becomes process 1, and arguments with spaces are taken apart.
# shellcheck disable=SC2068 # that is the point
exec text-generation-launcher $@
