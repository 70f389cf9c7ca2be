// SPDX-License-Identifier: Apache-2.0
// Events of libyaml's parser to a document, and a document to events of its emitter.
#include "formats/yaml.h"

#include <yaml.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/try.h"
#include "formats/json_builder.h"
#include "formats/yaml_scalar.h"

namespace gpuhook::formats {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

std::string_view as_text(const yaml_char_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

yaml_char_t* as_yaml(std::string_view text) {
  return const_cast<yaml_char_t*>(  // libyaml copies it
      reinterpret_cast<const yaml_char_t*>(text.data()));
}

// --- reading ---

class Event {
 public:
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { yaml_event_delete(&event_); }
  yaml_event_t* operator->() { return &event_; }
  yaml_event_t* get() { return &event_; }

 private:
  yaml_event_t event_{};
};

class Reader {
 public:
  Reader(std::string_view text, const JsonLimits& limits) : builder_(limits) {
    if (yaml_parser_initialize(&parser_) == 0) return;
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser_, as_yaml(text), text.size());
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { yaml_parser_delete(&parser_); }

  Result<json> document() {
    bool more = true;
    while (more) {
      Event event;
      if (yaml_parser_parse(&parser_, event.get()) == 0) return malformed();
      if (!take(*event.get())) return refused(event->start_mark);
      more = event->type != YAML_STREAM_END_EVENT;
    }
    if (documents_ == 0) return fail(ErrorKind::kBadInput, "not YAML: no document");
    return std::move(builder_.document);
  }

 private:
  // What an open mapping expects next.
  enum class Next : std::uint8_t { kElement, kKey, kValue };

  tl::unexpected<Error> malformed() const {
    const bool has_mark = parser_.error != YAML_READER_ERROR && parser_.error != YAML_MEMORY_ERROR;
    const std::string place = has_mark ? concat("line ", parser_.problem_mark.line + 1)
                                       : concat("byte ", parser_.problem_offset);
    return fail(ErrorKind::kBadInput,
                concat("not YAML: ", place, ": ",
                       parser_.problem == nullptr ? "unreadable" : parser_.problem));
  }

  tl::unexpected<Error> refused(const yaml_mark_t& mark) const {
    return fail(ErrorKind::kBadInput,
                concat("not YAML: line ", mark.line + 1, ": ", builder_.problem));
  }

  bool take(const yaml_event_t& event) {
    switch (event.type) {
      case YAML_DOCUMENT_START_EVENT:
        return begin_document(event);
      case YAML_SCALAR_EVENT:
        return take_scalar(event);
      case YAML_SEQUENCE_START_EVENT:
        return take_start(event.data.sequence_start.anchor, event.data.sequence_start.tag,
                          json::array(), Next::kElement);
      case YAML_MAPPING_START_EVENT:
        return take_start(event.data.mapping_start.anchor, event.data.mapping_start.tag,
                          json::object(), Next::kKey);
      case YAML_SEQUENCE_END_EVENT:
      case YAML_MAPPING_END_EVENT:
        next_.pop_back();
        return builder_.close();
      case YAML_ALIAS_EVENT:
        return builder_.stop("an alias");
      default:
        return true;
    }
  }

  bool begin_document(const yaml_event_t& event) {
    const auto& start = event.data.document_start;
    if (++documents_ > 1) return builder_.stop("a second document");
    if (start.version_directive != nullptr ||
        start.tag_directives.start != start.tag_directives.end) {
      return builder_.stop("a directive");
    }
    return true;
  }

  bool take_start(const yaml_char_t* anchor, const yaml_char_t* tag, json container, Next next) {
    if (expects_key()) return builder_.stop("a key that is not a text");
    if (anchor != nullptr) return builder_.stop("an anchor");
    if (tag != nullptr) return builder_.stop("a tag");
    step();
    next_.push_back(next);
    return builder_.open(std::move(container));
  }

  bool take_scalar(const yaml_event_t& event) {
    const auto& scalar = event.data.scalar;
    const std::string_view word = as_text(scalar.value, scalar.length);
    const bool plain = scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (scalar.anchor != nullptr) return builder_.stop("an anchor");
    if (scalar.tag != nullptr) return builder_.stop("a tag");
    std::optional<json> value = plain ? plain_scalar(word) : json(std::string(word));
    if (!value) {
      return builder_.stop(
          concat(in_quotes(word), " needs quotes: readers take it for different things"));
    }
    if (expects_key()) return take_key(*value, plain);
    step();
    return builder_.put(std::move(*value));
  }

  bool take_key(const json& value, bool plain) {
    if (!value.is_string()) return builder_.stop("a key that is not a text");
    if (plain && value == "<<") return builder_.stop("a merge key");
    step();
    return builder_.key(value.get<std::string>());
  }

  [[nodiscard]] bool expects_key() const { return !next_.empty() && next_.back() == Next::kKey; }

  // Keys and values of a mapping take turns.
  void step() {
    if (next_.empty() || next_.back() == Next::kElement) return;
    next_.back() = next_.back() == Next::kKey ? Next::kValue : Next::kKey;
  }

  yaml_parser_t parser_{};
  JsonBuilder builder_;
  std::vector<Next> next_;
  std::size_t documents_ = 0;
};

// --- writing ---

class Writer {
 public:
  Writer() {
    ready_ = yaml_emitter_initialize(&emitter_) != 0;
    yaml_emitter_set_output(&emitter_, &Writer::append, &text_);
    yaml_emitter_set_unicode(&emitter_, 1);
    yaml_emitter_set_width(&emitter_, -1);
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() { yaml_emitter_delete(&emitter_); }

  Result<std::string> document(const ordered_json& value) {
    yaml_event_t event;
    const bool written =
        ready_ && emit(event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING)) &&
        emit(event, yaml_document_start_event_initialize(&event, nullptr, nullptr, nullptr, 1)) &&
        write(value) && emit(event, yaml_document_end_event_initialize(&event, 1)) &&
        emit(event, yaml_stream_end_event_initialize(&event));
    if (!written) return fail(ErrorKind::kBadInput, "a text that YAML cannot hold");
    return std::move(text_);
  }

 private:
  static int append(void* text, unsigned char* bytes, std::size_t size) {
    static_cast<std::string*>(text)->append(as_text(bytes, size));
    return 1;
  }

  // The emitter owns the event, whether it can write it or not.
  bool emit(yaml_event_t& event, int made) {
    return made != 0 && yaml_emitter_emit(&emitter_, &event) != 0;
  }

  bool write(const ordered_json& value) {
    if (value.is_object()) return write_object(value);
    if (value.is_array()) return write_array(value);
    if (value.is_string()) return write_text(value.get<std::string>());
    return write_scalar(value.dump(), YAML_PLAIN_SCALAR_STYLE);
  }

  bool write_object(const ordered_json& object) {
    yaml_event_t event;
    if (!emit(event, yaml_mapping_start_event_initialize(&event, nullptr, nullptr, 1,
                                                         YAML_BLOCK_MAPPING_STYLE)))
      return false;
    for (const auto& [key, value] : object.items()) {
      if (!write_text(key) || !write(value)) return false;
    }
    return emit(event, yaml_mapping_end_event_initialize(&event));
  }

  bool write_array(const ordered_json& array) {
    yaml_event_t event;
    if (!emit(event, yaml_sequence_start_event_initialize(&event, nullptr, nullptr, 1,
                                                          YAML_BLOCK_SEQUENCE_STYLE)))
      return false;
    if (!std::all_of(array.begin(), array.end(), [this](const auto& item) { return write(item); }))
      return false;
    return emit(event, yaml_sequence_end_event_initialize(&event));
  }

  bool write_text(const std::string& text) {
    return write_scalar(
        text, is_plain_text(text) ? YAML_PLAIN_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE);
  }

  // The emitter uses quotes where a plain style is impossible, as for "a: b".
  bool write_scalar(const std::string& word, yaml_scalar_style_t style) {
    yaml_event_t event;
    return emit(event, yaml_scalar_event_initialize(&event, nullptr, nullptr, as_yaml(word),
                                                    static_cast<int>(word.size()), 1, 1, style));
  }

  yaml_emitter_t emitter_{};
  std::string text_;
  bool ready_ = false;
};

}  // namespace

Result<json> parse_yaml(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes)
    return fail(ErrorKind::kBadInput, concat("larger than ", limits.bytes, " bytes"));
  if (text.find('\0') != std::string_view::npos)
    return fail(ErrorKind::kBadInput, "contains a NUL byte");
  if (text.starts_with("\xef\xbb\xbf"))
    return fail(ErrorKind::kBadInput, "begins with a byte order mark");
  return Reader(text, limits).document();
}

Result<std::string> write_yaml(const ordered_json& document) { return Writer().document(document); }

}  // namespace gpuhook::formats
