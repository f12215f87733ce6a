//! Everything about one spectrum, as a page.

use crate::experiment::{Dossier, LEVELS_FILE};
use crate::report::html::{Block, Page, Section};
use crate::report::{Figure, Records, Report, Table, WORDS};
use serde_json::json;

impl Dossier {
    /// The results in all formats: a page in HTML, all tables or all figures in the others. CSV has the
    /// ranking of the recommendation.
    pub fn report(&self) -> impl Report {
        self
    }

    /// Samplers of the ranking that are not folded away.
    const TOP: usize = 8;

    fn sections(&self) -> Vec<Section> {
        let section =
            |heading: &str, blocks: Vec<Block>| Section { heading: heading.into(), blocks };
        let words = |text: &str| Block::Text(text.into());
        let figures = |report: &dyn Report| Block::Figures(report.figures());
        let tables = |report: &dyn Report| Block::Tables(report.tables());
        let folded = |what: &str, report: &dyn Report| Block::Folded(what.into(), report.tables());
        let recommendation = self.recommendation.report(Dossier::TOP);
        let info = self.info.report(Some(&self.levels), WORDS, false);
        // The sentence that is above them.
        let mut ranking = recommendation.tables();
        if let Some(table) = ranking.first_mut() {
            table.title = format!("Samplers within {} NFE", self.recommendation.budget);
        }
        let mut drawn = recommendation.figures();
        if let Some(figure) = drawn.first_mut() {
            figure.title = "Error against network evaluations, and the noise levels".into();
        }
        let mut advice = vec![
            Block::Answer(self.recommendation.answer()),
            words(
                "The errors are exact for Gaussian data with this covariance. For other data they are \
                 advice; the columns on networks that are off say how far it carries.",
            ),
            Block::Figures(drawn),
            Block::Tables(ranking),
        ];
        if !self.sigmas.is_empty() {
            advice.push(Block::Code(
                "Its noise levels (sigma/alpha), noisiest first, as --grid sigmas:levels.txt and k-diffusion take them".into(),
                self.sigmas.clone(),
                Some(LEVELS_FILE.into()),
            ));
        }
        let mut sections = vec![
            section("Recommendation", advice),
            section("Spectrum", vec![figures(&info), tables(&info)]),
        ];
        if let Some((evaluation, steps)) = &self.winner {
            let report = evaluation.report(false);
            let mut blocks = vec![
                words(
                    "Each source of error alone, with the others switched off, for the recommended sampler on its \
                       times.",
                ),
                figures(&report),
                tables(&report),
            ];
            match steps {
                Ok(steps) => {
                    let report = steps.report();
                    blocks.extend([
                        figures(&report),
                        folded("What each step contributes, in numbers", &report),
                    ]);
                }
                Err(error) => blocks.push(Block::Text(format!("Contributions of steps: {error}."))),
            }
            sections.push(section("Error budget", blocks));
        }
        let (curve, modes) =
            (self.curve.report(crate::experiment::Curve::ROWS), self.modes.report(25));
        sections.push(section(
            "Samplers",
            vec![
                tables(&self.table),
                figures(&self.table),
                figures(&curve),
                folded("Along time, in numbers", &curve),
                figures(&modes),
                folded("Per eigenvalue, in numbers", &modes),
            ],
        ));
        sections.push(section("How this was made", self.provenance()));
        sections
    }

    fn provenance(&self) -> Vec<Block> {
        let lines: String =
            self.commands.iter().map(|(what, line)| format!("# {what}\n{line}\n")).collect();
        vec![
            Block::Text(format!("gaussmeter {}", env!("CARGO_PKG_VERSION"))),
            Block::Code("This report".into(), self.made_by.clone(), None),
            Block::Code("Its parts, each as a command".into(), lines, None),
            Block::Code("References".into(), self.bibtex.clone(), Some("references.bib".into())),
        ]
    }
}

impl Report for Dossier {
    fn tables(&self) -> Vec<Table> {
        let mut tables = self.recommendation.report(Dossier::TOP).tables();
        tables.extend(self.info.report(Some(&self.levels), WORDS, false).tables());
        if let Some((evaluation, steps)) = &self.winner {
            tables.extend(evaluation.report(false).tables());
            tables.extend(steps.iter().flat_map(|steps| steps.report().tables()));
        }
        tables.extend(self.table.report().tables());
        tables.extend(self.curve.report(crate::experiment::Curve::ROWS).tables());
        tables.extend(self.modes.report(crate::experiment::ModeErrors::ROWS).tables());
        tables
    }

    fn figures(&self) -> Vec<Figure> {
        let mut figures = self.recommendation.report(Dossier::TOP).figures();
        figures.extend(self.info.report(Some(&self.levels), WORDS, false).figures());
        if let Some((evaluation, steps)) = &self.winner {
            figures.extend(evaluation.report(false).figures());
            figures.extend(steps.iter().flat_map(|steps| steps.report().figures()));
        }
        figures.extend(self.table.report().figures());
        figures.extend(self.curve.report(0).figures());
        figures.extend(self.modes.report(0).figures());
        figures
    }

    fn page(&self) -> Page {
        let s = &self.recommendation.diffusion.spectrum;
        let mut sections = self.sections();
        if self.interrupted
            && let Some(first) = sections.first_mut()
        {
            first.blocks.insert(
                0,
                Block::Text("Interrupted: what is here is the best found so far.".into()),
            );
        }
        Page { title: format!("Diffusion samplers on {} (d = {})", s.name(), s.dim()), sections }
    }

    fn records(&self) -> Records {
        self.recommendation.report(0).records()
    }

    fn json(&self) -> serde_json::Value {
        let mut document = self.recommendation.diffusion.json();
        document.insert("command".into(), json!("report"));
        document.insert("made_by".into(), json!(self.made_by));
        let commands = self.commands.iter().map(|(what, line)| json!({"what": what, "line": line}));
        document.insert("commands".into(), commands.collect());
        document.insert("interrupted".into(), json!(self.interrupted));
        let info = self.info.report(Some(&self.levels), WORDS, false).json();
        document.insert("info".into(), info);
        document.insert("recommend".into(), self.recommendation.report(0).json());
        if let Some((evaluation, steps)) = &self.winner {
            document.insert("eval".into(), evaluation.report(false).json());
            if let Ok(steps) = steps {
                document.insert("steps".into(), steps.report().json());
            }
        }
        document.insert("table".into(), self.table.report().json());
        document.insert("curve".into(), self.curve.report(0).json());
        document.insert("modes".into(), self.modes.report(0).json());
        document.into()
    }
}
