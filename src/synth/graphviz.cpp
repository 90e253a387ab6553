#include "synth/graphviz.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/child_process.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/temporary_folder.h"
#include "image/image.h"
#include "synth/draws.h"
#include "synth/graph.h"
#include "synth/renderer_program.h"

namespace molmo::synth {
namespace {

constexpr double kPointsPerInch = 72;  // and pixels: -Gdpi

struct GraphLook {
  std::string head;  // attributes of the graph, of all nodes and of all edges
  std::string box;   // shape of what is no condition
};

GraphLook draw_graph_look(const Page& page, const Graph& graph, RandomStream& draws) {
  static constexpr std::string_view kBoxes[] = {"box", "box", "ellipse", "octagon", "component", "note"};
  static constexpr std::string_view kArrows[] = {"normal", "vee", "empty", "diamond"};
  const PageStyle& style = page.style();
  GraphLook look{.head = {}, .box = std::string(pick(draws, kBoxes))};
  const Color fill = mix(typical(pick(draws, style.colors)), style.paper, between(draws, 0.4, 0.85));
  const Color ink = luminance(fill) > 0.5 ? Color{0.05, 0.05, 0.08} : Color{1, 1, 1};
  const bool is_round = look.box == "box" && chance(draws, 0.5), has_corners = chance(draws, 0.3),
             has_arrows = graph.figure == "flow_chart" || chance(draws, 0.4);
  const double pen = between(draws, 0.8, 2.2), gap = between(draws, 0.3, 0.55);
  const std::string_view arrow = pick(draws, kArrows);
  const auto color = [](Color value) { return dot_label(to_hex(value)); };
  look.head = fmt::format(
      "graph [bgcolor={} pad=0.12 size=\"{:.4f},{:.4f}!\" dpi={} nodesep={:.3f} ranksep={:.3f} rankdir={} "
      "splines={}];\n"
      "node [fontname={} fontsize=16 style=\"filled{}\" fillcolor={} fontcolor={} color={} penwidth={:.2f}];\n"
      "edge [fontname={} fontsize=14 color={} fontcolor={} penwidth={:.2f} arrowhead={}];\n",
      color(style.paper), page.width() / kPointsPerInch, page.height() / kPointsPerInch, kPointsPerInch, gap * 0.6, gap,
      graph.is_lying ? "LR" : "TB", has_corners ? "polyline" : "spline", dot_label(style.font),
      is_round ? ",rounded" : "", color(fill), color(ink), color(style.ink), pen, dot_label(style.font),
      color(style.ink), color(style.ink), pen, has_arrows ? arrow : "none");
  return look;
}

std::string dot_script(const Graph& graph, const GraphLook& look) {
  std::string script = "digraph {\n" + look.head;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const GraphNode& node = graph.nodes[i];
    script +=
        fmt::format("n{} [label={} shape={}];\n", i, dot_label(node.name), node.is_condition ? "diamond" : look.box);
  }
  for (const GraphEdge& edge : graph.edges) {
    script += fmt::format("n{} -> n{}", edge.from, edge.to);
    if (!edge.label.empty()) script += fmt::format(" [label={}]", dot_label(" " + edge.label + " "));
    script += ";\n";
  }
  return script + "}\n";
}

// From the points of a layout, whose y axis points up, to pixels of the page.
struct Scale {
  double zoom = 1, left = 0, bottom = 0;
  double x(double points) const { return left + zoom * points; }
  double y(double points) const { return bottom - zoom * points; }
};

std::vector<double> numbers(const std::string& list) {
  std::vector<double> values;
  for (const char* at = list.c_str(); *at != 0;) {
    char* end = nullptr;
    values.push_back(std::strtod(at, &end));
    if (end == at) fail(ErrorCategory::Io, "dot: expected numbers in its layout, found '{}'", list);
    at = *end == ',' ? end + 1 : end;
  }
  return values;
}

void note_texts(Page& page, const Json& object, const Scale& scale) {
  double size = 0;
  for (const Json& step : object.value("_ldraw_", Json::array())) {
    if (step["op"] == "F") size = step["size"].get<double>() * scale.zoom;
    if (step["op"] != "T") continue;
    std::string words = step["text"];
    const size_t first = words.find_first_not_of(' '), last = words.find_last_not_of(' ');
    if (first == std::string::npos) continue;
    words = words.substr(first, last - first + 1);
    // Labels are centered; spaces around them are alike on both sides.
    const double width = page.text_width(words, size), middle = scale.x(step["pt"][0]);
    page.note_text(words, middle - width / 2, scale.y(step["pt"][1]), width, size);
  }
}

void render(Page& page, const Graph& graph, RandomStream& draws) {
  const auto dot = find_renderer_program(Renderer::Graphviz);
  const TemporaryFolder folder;
  const auto file = [&](const char* name) { return (folder.path() / name).string(); };
  write_file_atomic(file("graph.dot"), dot_script(graph, draw_graph_look(page, graph, draws)));
  run_program(dot, {"-Kdot", "-Tpng", "-o", file("graph.png"), "-Tjson", "-o", file("graph.json"), file("graph.dot")});
  const image::Image picture = image::read_image(file("graph.png"));
  const Json layout = read_json_file(file("graph.json"));
  const auto bounds = numbers(layout.at("bb").get<std::string>());
  const double pad = std::stod(layout.at("pad").get<std::string>()) * kPointsPerInch;
  const int64_t left = (static_cast<int64_t>(page.width()) - picture.size.width) / 2,
                top = (static_cast<int64_t>(page.height()) - picture.size.height) / 2;
  page.paste(picture, left, top);
  describe_graph(page, graph);
  Scale scale;
  scale.zoom = std::min(page.width() / (bounds.at(2) + 2 * pad), page.height() / (bounds.at(3) + 2 * pad));
  scale.left = static_cast<double>(left) + scale.zoom * pad;
  scale.bottom = static_cast<double>(top) + scale.zoom * (bounds.at(3) + pad);
  for (const Json& object : layout.at("objects")) {
    const auto at = numbers(object.at("pos").get<std::string>());
    const double width = std::stod(object.at("width").get<std::string>()) * kPointsPerInch * scale.zoom,
                 height = std::stod(object.at("height").get<std::string>()) * kPointsPerInch * scale.zoom;
    const auto number = std::stoul(object.at("name").get<std::string>().substr(1));
    page.truth()["nodes"].push_back(
        {{"name", graph.nodes.at(number).name},
         {"box", box_json(scale.x(at.at(0)) - width / 2, scale.y(at.at(1)) - height / 2, width, height)}});
    note_texts(page, object, scale);
  }
  for (const Json& edge : layout.value("edges", Json::array())) note_texts(page, edge, scale);
}

}  // namespace

std::string dot_label(std::string_view text) {
  std::string label = "\"";
  for (const char character : text) {
    if (character == '"' || character == '\\') label += '\\';
    if (character == '\n') {
      label += "\\n";
    } else if (character == '&') {
      label += "&amp;";  // else names of characters are read: &lt;
    } else {
      label += character;
    }
  }
  return label + "\"";
}

Questions draw_graphviz_flow_chart(Page& page, const FigureContext& context) {
  Graph graph = draw_flow_graph(context);
  name_conditions(graph, context);
  render(page, graph, context.draws);
  return ask_about_flow(graph);
}

Questions draw_graphviz_tree(Page& page, const FigureContext& context) {
  Graph graph = draw_tree_graph(context);
  graph.is_lying = chance(context.draws, 0.3);
  render(page, graph, context.draws);
  return ask_about_tree(graph);
}

}  // namespace molmo::synth
