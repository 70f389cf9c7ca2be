// SPDX-License-Identifier: Apache-2.0
// k3s and RKE2, which make containerd's configuration at each start from a template of Go's
// text/template. A template is no TOML: our block is put at its end as text.
#include "base/text.h"
#include "base/try.h"
#include "engines/marked_text.h"
#include "engines/plans.h"

namespace gpuhook::engines {
namespace {

// The file that they would generate without a template.
constexpr std::string_view kNewFile = "{{ template \"base\" . }}\n\n";
constexpr std::string_view kTemplate = "config.toml.tmpl";
constexpr std::string_view kTemplateV3 = "config-v3.toml.tmpl";
constexpr std::string_view kPluginV2 = "plugins.\"io.containerd.grpc.v1.cri\"";
constexpr std::string_view kPluginV3 = "plugins.'io.containerd.cri.v1.runtime'";

HostPath directory_of(Engine engine) {
  return HostPath::literal(concat("/var/lib/rancher/", name_of(engine), "/agent/etc/containerd"));
}

// Whether containerd reads version 3 here, by what there is of it already.
Result<HostPath> usual_file(const HostPath& directory, const ReadFile& read) {
  if (TRY(read(directory / kTemplateV3))) return directory / kTemplateV3;
  if (TRY(read(directory / kTemplate))) return directory / kTemplate;
  const auto generated = TRY(read(directory / "config.toml"));
  if (!generated) return directory / kTemplate;  // what every release reads
  const auto document = formats::parse_toml(*generated);
  const bool three = document && (*document)["version"].value_or(std::int64_t{0}) == 3;
  return directory / (three ? kTemplateV3 : kTemplate);
}

// They write a runtime "nvidia" of their own where they find NVIDIA's toolkit, and a table twice
// would keep containerd from starting: then ours is left out, as `if` decides at each start.
std::vector<std::string> block_lines(const HostPath& runtime, bool version_3, bool has_base) {
  const std::string table =
      concat("[", version_3 ? kPluginV3 : kPluginV2, ".containerd.runtimes.", kRuntimeName);
  std::vector<std::string> lines{
      concat(table, "]"),
      "  runtime_type = \"io.containerd.runc.v2\"",
      "",
      concat(table, ".options]"),
      concat("  BinaryName = ", toml_quoted(runtime.text())),
      "  SystemdCgroup = {{ .SystemdCgroup }}",
  };
  if (has_base) {
    lines.insert(lines.begin(), "{{ if not (index .ExtraRuntimes \"nvidia\").BinaryName }}");
    lines.emplace_back("{{ end }}");
  }
  return lines;
}

// Somebody should know when that is so now.
Status remark_other_runtime(const HostPath& directory, const EngineSetup& setup,
                            const ReadFile& read, EngineChanges& changes) {
  const auto generated = TRY(read(directory / "config.toml"));
  const auto document = formats::parse_toml(generated.value_or(""));
  if (!document) return {};
  for (const std::string_view plugin :
       {"io.containerd.grpc.v1.cri", "io.containerd.cri.v1.runtime"}) {
    const std::string program =
        string_at(*document, TomlPath{"plugins"} / plugin / "containerd" / "runtimes" /
                                 kRuntimeName / "options" / "BinaryName");
    if (program.empty() || program == setup.runtime.text()) continue;
    changes.remarks.push_back(
        concat(one_line(program), " is the runtime nvidia of ", name_of(setup.engine),
               " as long as it is installed; gpu-hook's is left out until it is removed"));
  }
  return {};
}

// The line of a header for our runtime that somebody else wrote; 0 when there is none.
std::size_t line_of_runtime(std::string_view text) {
  std::size_t number = 0;
  for (const std::string_view line : lines(text)) {
    ++number;
    const std::string_view header = trimmed(line);
    if (!header.starts_with('[')) continue;
    for (const std::string_view spelled :
         {".runtimes.nvidia]", ".runtimes.\"nvidia\"]", ".runtimes.'nvidia']"}) {
      if (header.find(spelled) != std::string_view::npos) return number;
    }
  }
  return 0;
}

Result<std::string> with_runtime(const EarlierFile& earlier, const EngineSetup& setup,
                                 bool version_3) {
  if (const std::size_t line = line_of_runtime(earlier.text)) {
    return fail(ErrorKind::kBadInput, concat("line ", line, ": has a runtime nvidia already"),
                "take it out");
  }
  const bool has_base = earlier.text.find("\"base\"") != std::string::npos ||
                        earlier.text.find(".ExtraRuntimes") != std::string::npos;
  const std::size_t end = whole_lines(earlier.text).size();
  return with_blocks(earlier.text,
                     {{.first = end,
                       .last = end,
                       .indent = "",
                       .lines = block_lines(setup.runtime, version_3, has_base)}},
                     earlier.new_file);
}

Result<FileChange> template_change(const HostPath& file, const EngineSetup& setup,
                                   const ReadFile& read) {
  EarlierFile earlier = TRY(earlier_file(file, read, kNewFile));
  FileChange change{.path = file, .before = earlier.now, .after = std::nullopt};
  if (!setup.remove) {
    const bool version_3 = file.name().find("v3") != std::string_view::npos;
    change.after = TRY(with_runtime(earlier, setup, version_3));
  } else if (!earlier.new_file || earlier.text != kNewFile) {
    change.after = std::move(earlier.text);
  }
  return change;
}

}  // namespace

Result<EngineChanges> plan_k3s(const EngineSetup& setup, const ReadFile& read) {
  const std::string_view name = name_of(setup.engine);
  if (setup.set_default && !setup.remove) {
    return fail(ErrorKind::kRefused, concat("the default runtime of ", name, " is not set here"),
                concat("put the line \"default-runtime: nvidia\" into /etc/rancher/", name,
                       "/config.yaml"));
  }
  EngineChanges changes;
  changes.restart = concat("restart ", name, " for this to take effect: systemctl restart ",
                           setup.engine == Engine::kK3s ? "k3s (on agents: k3s-agent)"
                                                        : "rke2-server (on agents: rke2-agent)");
  const HostPath directory = directory_of(setup.engine);
  const HostPath file = setup.file ? *setup.file : TRY(usual_file(directory, read));
  changes.files.push_back(TRY(doing(in_quotes(file.text()), template_change(file, setup, read))));
  // An upgrade may have brought the other template since.
  const HostPath other = directory / kTemplate;
  if (setup.remove && !setup.file && file != other)
    changes.files.push_back(
        TRY(doing(in_quotes(other.text()), template_change(other, setup, read))));
  if (!setup.remove) TRY(remark_other_runtime(directory, setup, read, changes));
  if (setup.cdi && !setup.remove)
    changes.remarks.push_back(concat(
        name, " decides about CDI itself: on since its containerd 2.0; nothing is written for it"));
  return changes;
}

}  // namespace gpuhook::engines
