// SPDX-License-Identifier: Apache-2.0
// Lines as runc and crun write them.
#include "runtime_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <ctime>

#include "base/text.h"

namespace gpuhook::hook {
namespace {

std::string now() {
  const std::time_t seconds = std::time(nullptr);
  std::tm utc{};
  std::array<char, 32> text{};
  if (gmtime_r(&seconds, &utc) == nullptr) return {};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

// A string of JSON, which is also one of logfmt. The line is printable (to_line, one_line).
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

std::string RuntimeLog::file_of(std::string_view log) {
  if (log.starts_with("journald:") || log.starts_with("syslog:")) return {};
  constexpr std::string_view kFile = "file:";
  return std::string(log.starts_with(kFile) ? log.substr(kFile.size()) : log);
}

void RuntimeLog::say(std::string_view level, std::string_view line) const {
  const std::string message = one_line(concat("gpu-hook: ", line));
  (void)std::fputs(concat(message, "\n").c_str(), stderr);
  if (file_.empty()) return;
  const std::string entry =
      json_ ? concat("{\"level\":\"", level, "\",\"msg\":", quoted(message), ",\"time\":\"", now(),
                     "\"}\n")
            : concat("time=\"", now(), "\" level=", level, " msg=", quoted(message), "\n");
  // Without waiting for the reader of a FIFO.
  constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  const int file = open(file_.c_str(), kFlags, 0644);
  if (file < 0) return;  // standard error has it
  (void)!write(file, entry.data(), entry.size());
  (void)close(file);
}

void RuntimeLog::error(std::string_view line) const { say("error", line); }

void RuntimeLog::warn(const std::vector<Note>& notes) const {
  for (const Note& note : notes) say("warning", concat(note.what, ": ", note.reason));
}

}  // namespace gpuhook::hook
