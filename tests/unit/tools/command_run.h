#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tools/support/command_line.h"

namespace cubby::tools::testing {

struct Outcome {
  int code = -1;
  std::string out;
  std::string talk;
};

/// A command of `cubby` as it is typed; `add` is what makes it known, `words` begin with its name.
template <typename Add>
Outcome run_command(Add add, std::vector<std::string> words) {
  CLI::App app("Test.", "cubby");
  Outcome outcome{.code = 0, .out = {}, .talk = {}};
  add(app, outcome.code);
  words.insert(words.begin(), "cubby");
  std::vector<char*> arguments;
  for (std::string& word : words) {
    arguments.push_back(word.data());
  }
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  if (const int code = parse_command_line(app, static_cast<int>(arguments.size()), arguments.data()); code >= 0) {
    outcome.code = code;
  }
  outcome.out = ::testing::internal::GetCapturedStdout();
  outcome.talk = ::testing::internal::GetCapturedStderr();
  return outcome;
}

}  // namespace cubby::tools::testing
