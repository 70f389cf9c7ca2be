// SPDX-License-Identifier: Apache-2.0
// Steps that take back what was done, run newest first unless the work is committed.
#pragma once

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>
#include <vector>

namespace gpuhook {

class UndoStack {
 public:
  UndoStack() = default;
  UndoStack(const UndoStack&) = delete;
  UndoStack& operator=(const UndoStack&) = delete;
  ~UndoStack() { roll_back(); }

  void push(std::function<void()> undo) { steps_.push_back(std::move(undo)); }
  void commit() { steps_.clear(); }
  // Takes over the steps of `other`, to be undone before the steps here.
  void absorb(UndoStack& other) {
    std::move(other.steps_.begin(), other.steps_.end(), std::back_inserter(steps_));
    other.steps_.clear();
  }
  void roll_back() {
    while (!steps_.empty()) {
      steps_.back()();
      steps_.pop_back();
    }
  }

 private:
  std::vector<std::function<void()>> steps_;
};

}  // namespace gpuhook
