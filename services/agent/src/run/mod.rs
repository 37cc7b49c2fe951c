//! What each command asks of the agent.

mod acts;
mod attest;
mod claim;
mod desk;
mod disclose;
mod documents;
mod durable;
mod endpoints;
mod files;
mod gather;
mod identity;
mod input;
mod keys;
mod lab;
mod log;
mod machines;
mod mandates;
mod names;
mod page;
mod people;
mod roles;
mod roster_file;
mod rotate;
mod running;
mod rx;
mod rx_why;
mod sd_jwt;
mod session;
mod sharing;
mod standing_in;
mod study;
mod study_file;
mod teams;
mod this_program;
mod ward;
mod written;

use crate::args::{self, Cli, Command};
use crate::exit::Exit;
use crate::fault::Result;
use crate::out::{Form, Out};
use session::Here;

/// Carries a call out and gives the exit code.
pub(crate) fn run(cli: Cli) -> Exit {
    let form = match (cli.global.json, cli.global.plain) {
        (true, _) => Form::Json,
        (_, true) => Form::Plain,
        _ => Form::Person,
    };
    let out = Out::new(form);
    match carry_out(&cli, &out) {
        Ok(exit) => exit,
        Err(fault) => {
            out.fault(&fault);
            fault.exit()
        }
    }
}

fn carry_out(cli: &Cli, out: &Out) -> Result<Exit> {
    match &cli.command {
        Command::Completion(args) => this_program::completion(out, args),
        Command::Help(args) => this_program::help(out, args),
        Command::Lock(args) if args.all => session::lock_all(out),
        Command::Lock(_) => session::lock(&Here::new(out, &cli.global)?),
        Command::Prompt(args) => prompt(out, &cli.global, args),
        other => {
            let here = Here::new(out, &cli.global)?;
            running::runtime()?.block_on(with_profile(&here, other))
        }
    }
}

fn prompt(out: &Out, global: &args::Global, args: &args::Prompt) -> Result<Exit> {
    let home = crate::home::Home::find()?;
    let profiles = match args.all {
        true => home.profiles(),
        false => vec![home.choose(global.profile.as_deref())?],
    };
    ward::prompt(out, &home, &profiles, crate::page::now_ms())
}

async fn with_profile(here: &Here<'_>, command: &Command) -> Result<Exit> {
    if let Some(whom) = here.global.act_as.as_deref() {
        return standing_in::act(here, whom, command).await;
    }
    match command {
        Command::Identity(args::Identity::New(args)) => identity::new(here, args).await,
        Command::Identity(args::Identity::Show(args)) => identity::show(here, args).await,
        Command::Identity(args::Identity::Kit(args)) => identity::kit(here, args).await,
        Command::Identity(args::Identity::Admit(args)) => identity::admit(here, args).await,
        Command::Identity(args::Identity::Rotate(args)) => rotate::rotate(here, args).await,
        Command::Endpoint(args::Endpoint::Add(args)) => endpoints::add(here, args).await,
        Command::Endpoint(args::Endpoint::Join(args)) => endpoints::join(here, args).await,
        Command::Endpoint(args::Endpoint::List) => endpoints::list(here).await,
        Command::Endpoint(args::Endpoint::Show(args)) => endpoints::show(here, args).await,
        Command::Endpoint(args::Endpoint::Remove(args)) => endpoints::remove(here, args).await,
        Command::Invite(args) => people::invite(here, args).await,
        Command::Accept(args) => people::accept(here, args).await,
        Command::Contacts(args) => people::contacts(here, args.act.as_ref()).await,
        Command::Share(args) => sharing::share(here, args).await,
        Command::Revoke(args) => sharing::revoke(here, args).await,
        Command::Who(args) => sharing::who(here, args).await,
        Command::Log(args) => log::log(here, args).await,
        Command::Export(args) => documents::export(here, args).await,
        Command::Device(act) => machines::device(here, act).await,
        Command::Rx(act) => rx::rx(here, act).await,
        Command::Lab(act) => lab::lab(here, act).await,
        Command::Refer(act) => gather::refer(here, act).await,
        Command::Gather(act) => gather::gather(here, act).await,
        Command::Study(act) => study::study(here, act).await,
        Command::Team(act) => teams::team(here, act).await,
        Command::Follow(args) => machines::follow(here, args).await,
        Command::Attest(act) => attest::attest(here, act).await,
        Command::Trust(act) => attest::trust(here, act).await,
        Command::Mandate(act) => mandates::mandate(here, act).await,
        Command::Claim(args) => claim::claim(here, args).await,
        Command::Disclose(args) => disclose::disclose(here, args).await,
        Command::Verify(args) => attest::verify(here, args).await,
        Command::Add(args) => documents::add(here, args).await,
        Command::List(args) => documents::list(here, args).await,
        Command::Inbox(args) => documents::inbox(here, args).await,
        Command::Read(args) => documents::read(here, args).await,
        Command::Fetch(args) => files::fetch(here, args).await,
        Command::Erase(args) => files::erase(here, args).await,
        Command::Send(args) => documents::send(here, args).await,
        Command::Sent(args) => documents::sent(here, args).await,
        Command::Ack(args) => acts::ack(here, args).await,
        Command::Amend(args) => acts::amend(here, args).await,
        Command::Retract(args) => acts::retract(here, args).await,
        Command::Unlock(args) => session::unlock(here, args.duration),
        Command::Key(act) => keys::keys(here, act).await,
        Command::SignIn(args) => ward::sign_in(here, args).await,
        Command::SignOut => ward::sign_out(here).await,
        Command::Presence(act) => ward::presence(here, act).await,
        Command::Status => running::status(here).await,
        Command::Check => running::check(here).await,
        Command::Sync => running::sync(here).await,
        Command::Run(args) => running::run(here, args).await,
        Command::Page(args) => page::page(here, args).await,
        Command::Backup => identity::back_up(here).await,
        Command::Recover(args) => identity::recover(here, args).await,
        // Carried out before a profile is looked for.
        Command::Completion(args) => this_program::completion(here.out, args),
        Command::Help(args) => this_program::help(here.out, args),
        Command::Lock(_) => session::lock(here),
        Command::Prompt(args) => prompt(here.out, here.global, args),
    }
}
