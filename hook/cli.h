// SPDX-License-Identifier: Apache-2.0
// The command line.
#pragma once

#include "exit_codes.h"
#include "gpuhook/result.h"

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace gpuhook::hook {

// Parses the arguments and runs the command they name. `argv` as main gets it.
ExitCode run(int argc, const char* const* argv);

// One line on standard error for an error; the exit status that goes with the result.
ExitCode report(const Status& status);
// The same for a wrong command line, or what --help asks for.
ExitCode usage(const CLI::App& app, const CLI::ParseError& error);

}  // namespace gpuhook::hook
