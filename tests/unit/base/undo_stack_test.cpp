// SPDX-License-Identifier: Apache-2.0
#include "base/undo_stack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace gpuhook {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class UndoStackTest : public ::testing::Test {
 protected:
  std::function<void()> note(std::string name) {
    return [this, name = std::move(name)] { undone.push_back(name); };
  }
  std::vector<std::string> undone;
};

TEST_F(UndoStackTest, UndoesTheNewestStepFirstWhenDestroyed) {
  {
    UndoStack undo;
    undo.push(note("first"));
    undo.push(note("second"));
    EXPECT_THAT(undone, IsEmpty());
  }
  EXPECT_THAT(undone, ElementsAre("second", "first"));
}

TEST_F(UndoStackTest, UndoesNothingOnceCommitted) {
  {
    UndoStack undo;
    undo.push(note("first"));
    undo.commit();
  }
  EXPECT_THAT(undone, IsEmpty());
}

TEST_F(UndoStackTest, UndoesWhatFollowsACommit) {
  {
    UndoStack undo;
    undo.push(note("kept"));
    undo.commit();
    undo.push(note("later"));
  }
  EXPECT_THAT(undone, ElementsAre("later"));
}

TEST_F(UndoStackTest, RollsBackOnce) {
  UndoStack undo;
  undo.push(note("first"));
  undo.roll_back();
  undo.roll_back();
  EXPECT_THAT(undone, ElementsAre("first"));
}

TEST_F(UndoStackTest, UndoesAbsorbedStepsBeforeItsOwn) {
  UndoStack inner;
  inner.push(note("inner 1"));
  inner.push(note("inner 2"));
  {
    UndoStack outer;
    outer.push(note("outer"));
    outer.absorb(inner);
    inner.roll_back();
    EXPECT_THAT(undone, IsEmpty());
  }
  EXPECT_THAT(undone, ElementsAre("inner 2", "inner 1", "outer"));
}

}  // namespace
}  // namespace gpuhook
